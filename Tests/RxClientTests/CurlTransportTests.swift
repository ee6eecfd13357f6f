import Foundation
import Glibc
import RxClient
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@Suite struct CurlTransportTests {
    let transport = CurlTransport(agent: "rx/1.2.3")

    @Test func `status, headers and body come as they were sent`() throws {
        let heads = Mutex<[String]>([])
        let server = ScriptedServer { connection in
            while case let head = connection.head(), !head.isEmpty {
                heads.withLock { $0.append(head) }
                connection.send(
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 418 Teapot\r\nX-A:  1 \r\nx-a: 2\r\nETag: \"e\"\r\nEmpty:\r\nContent-Length: 3\r\n\r\nabc"
                )
            }
        }
        for round in 1...3 {
            let (head, body) = try transport.collect(
                TransportRequest("GET", server.url("/a?b=%20c"), headers: ["X-Round": "\(round)", "X-Empty": ""]))
            #expect(head.status == 418)
            #expect(head.headers["x-A"] == "1, 2")
            #expect(head.headers["etag"] == "\"e\"")
            #expect(head.headers["Empty"] == "")
            #expect(head.url == server.url("/a?b=%20c"))
            #expect(body == Array("abc".utf8))
        }
        #expect(server.connections == 1, "the connection is used again")
        let sent = heads.withLock { $0 }
        #expect(sent.count == 3)
        #expect(sent[2].hasPrefix("GET /a?b=%20c HTTP/1.1\r\n"))
        #expect(sent[2].contains("\r\nUser-Agent: rx/1.2.3\r\n"))
        #expect(sent[2].contains("\r\nX-Round: 3\r\n"))
        #expect(sent[2].contains("\r\nX-Empty:\r\n"))
    }

    @Test func `the sink is chosen once, by the head, also for an answer without a body`() throws {
        let server = ScriptedServer { connection in
            while case let head = connection.head(), !head.isEmpty {
                if head.hasPrefix("HEAD") {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
                } else {
                    connection.send("HTTP/1.1 204 No\r\n\r\n")
                }
            }
        }
        for (method, status) in [("HEAD", 200), ("DELETE", 204), ("GET", 204)] {
            var chosen: [ResponseHead] = []
            let sink = BytesSink()
            let head = try transport.perform(TransportRequest(method, server.url())) {
                chosen.append($0)
                return sink
            }
            #expect(chosen == [head])
            #expect(head.status == status)
            #expect(sink.bytes.isEmpty)
        }
        #expect(server.connections == 1)
    }

    @Test func `who cannot be reached is named, also behind a redirect`() throws {
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://localhost:1/x\r\nContent-Length: 0\r\n\r\n")
        }
        var request = TransportRequest("GET", server.url(), endpoint: "the registry")
        request.redirects = .content
        let error = #expect(throws: RegistryError.self) { try transport.collect(request) }
        #expect(error?.message == "Unable to connect to http://localhost:1, where http://127.0.0.1:\(server.port) redirects to")
    }

    @Test func `a large body streams both ways, whole and in order`() throws {
        let size = 40 << 20
        let server = ScriptedServer { connection in
            let head = connection.head()
            if head.contains("Expect: 100-continue") { connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
            let body = connection.chunks()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            connection.send(body)
        }
        let source = PatternSource(count: size)
        let sink = PatternSink()
        try transport.perform(TransportRequest("PUT", server.url(), body: .stream(source, length: nil, type: "a/b"))) { _ in sink }
        #expect(sink.count == size)
        #expect(sink.isWhole)
    }

    @Test func `a body of bytes is sent with its length and type`() throws {
        let seen = Mutex("")
        let server = ScriptedServer { connection in
            let head = connection.head()
            let body = String(decoding: connection.exactly(5), as: UTF8.self)
            seen.withLock { $0 = head + body }
            connection.answer(201)
        }
        for method in ["POST", "PUT", "PATCH"] {
            #expect(
                try transport.collect(TransportRequest(method, server.url(), body: .bytes(Array("hello".utf8), type: "text/x"))).head.status
                    == 201)
            let text = seen.withLock { $0 }
            #expect(text.hasPrefix("\(method) / HTTP/1.1\r\n"))
            #expect(text.contains("\r\nContent-Length: 5\r\n"))
            #expect(text.contains("\r\nContent-Type: text/x\r\n"))
            #expect(!text.contains("Expect"))
            #expect(text.hasSuffix("\r\n\r\nhello"))
        }
    }

    @Test func `a publish is a form of three parts, the content streamed`() throws {
        let seen = Mutex("")
        let server = ScriptedServer { connection in
            let head = connection.head()
            if head.contains("Expect: 100-continue") { connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
            let body = String(decoding: connection.chunks(), as: UTF8.self)
            seen.withLock { $0 = head + body }
            connection.answer(201, [:], "{}")
        }
        let parts = FormPart.publish(locator: "a/b:1", manifest: Array("{\"name\":\"b\"}".utf8), content: BytesSource(Array("tar".utf8)))
        let (head, body) = try transport.collect(TransportRequest("POST", server.url("/publish"), body: .form(parts)))
        #expect(head.status == 201)
        #expect(body == Array("{}".utf8))
        let text = seen.withLock { $0 }
        #expect(text.hasPrefix("POST /publish HTTP/1.1\r\n"))
        let boundary = try #require(text.firstMatch(of: #/Content-Type: multipart/form-data; boundary=(.*)\r\n/#)?.1)
        let form = text.components(separatedBy: "\r\n\r\n--\(boundary)").last
        #expect(
            form == """
                \r\nContent-Disposition: form-data; name="locator"\r\n\r\na/b:1\r\n--\(boundary)\r
                Content-Disposition: form-data; name="manifest"; filename="manifest.json"\r\nContent-Type: application/json\r\n\r\n{"name":"b"}\r
                --\(boundary)\r\nContent-Disposition: form-data; name="content"; filename="archive.tar.gz"\r\nContent-Type: application/gzip\r
                \r\ntar\r\n--\(boundary)--\r\n
                """)
    }

    @Test func `a refusal arrives before a large upload is sent`() throws {
        let server = ScriptedServer { connection in
            let head = connection.head()
            if head.contains("Expect: 100-continue") {
                connection.send("HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbig!")
            }
        }
        let source = PatternSource(count: 1 << 40)
        let parts = FormPart.publish(locator: "a", manifest: [], content: source)
        let (head, body) = try transport.collect(TransportRequest("POST", server.url(), body: .form(parts)))
        #expect(head.status == 413)
        #expect(body == Array("big!".utf8))
        #expect(source.given == 0)
    }

    @Test func `a refusal in the middle of an upload arrives although the server closes`() throws {
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            _ = connection.exactly(3 << 20)
            connection.send("HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbad!")
            // More than is on its way: so the client has turned to the connection once more before it is closed, and resets what still comes.
            _ = connection.exactly(64 << 20)
        }
        for _ in 0..<5 {
            let source = PatternSource(count: 1 << 40)
            let (head, body) = try transport.collect(TransportRequest("PUT", server.url(), body: .stream(source, length: nil, type: "a/b")))
            #expect(head.status == 400)
            #expect(body == Array("bad!".utf8))
            #expect(source.given < 200 << 20)
        }
    }

    @Test func `a refusal counts although the connection is reset before its end`() throws {
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 400 Bad\r\nContent-Length: 10\r\n\r\nbad!")
            connection.reset()
        }
        let (head, body) = try transport.collect(TransportRequest("GET", server.url()))
        #expect(head.status == 400)
        #expect(body == Array("bad!".utf8))
    }

    @Test func `a rest is asked for with its tag`() throws {
        let server = ScriptedServer { connection in
            let head = connection.head()
            let asked = head.contains("\r\nRange: bytes=5-\r\n") && head.contains("\r\nIf-Range: \"t\"\r\n")
            connection.answer(asked ? 206 : 400, ["Content-Range": "bytes 5-9/10"], "56789")
        }
        var request = TransportRequest("GET", server.url())
        request.resume(from: 5, ifStill: EntityTag("t"))
        let (head, body) = try transport.collect(request)
        #expect(head.status == 206)
        #expect(body == Array("56789".utf8))
    }
}
