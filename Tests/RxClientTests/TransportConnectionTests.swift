import Foundation
import Glibc
import RxClient
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@Suite struct TransportConnectionTests {
    let transport = CurlTransport(agent: "rx/1.2.3")

    @Test func `a redirect on the same host is followed and its body passed over`() throws {
        let server = ScriptedServer { connection in
            while case let head = connection.head(), !head.isEmpty {
                if head.hasPrefix("GET /a") {
                    connection.answer(302, ["Location": "b/../c?d"], "not this")
                } else {
                    connection.answer(200, [:], "this")
                }
            }
        }
        let (head, body) = try transport.collect(TransportRequest("GET", server.url("/a")))
        #expect(head.status == 200)
        #expect(head.url == server.url("/c?d"))
        #expect(body == Array("this".utf8))
    }

    @Test func `a redirect with an endless body is followed all the same`() throws {
        let server = ScriptedServer { connection in
            guard connection.head().hasPrefix("GET /a") else { return connection.answer(200, [:], "this") }
            connection.send("HTTP/1.1 301 Moved\r\nLocation: /b\r\n\r\n")
            for _ in 0..<1000 { connection.send([UInt8](repeating: 0x78, count: 65536)) }
        }
        #expect(try transport.collect(TransportRequest("GET", server.url("/a"))).body == Array("this".utf8))
    }

    @Test func `credentials stay with the origin they were given for`() throws {
        let seen = Mutex("")
        let other = ScriptedServer { connection in
            let head = connection.head()
            seen.withLock { $0 = head }
            connection.answer(200)
        }
        let port = other.port
        let server = ScriptedServer { connection in
            while case let head = connection.head(), !head.isEmpty {
                if head.hasPrefix("GET /same") { connection.answer(200, ["X": head.contains("Bearer t") ? "kept" : "lost"]) }
                connection.answer(307, ["Location": head.hasPrefix("GET /a") ? "http://127.0.0.1:\(port)/x" : "/same"])
            }
        }
        let headers: HTTPHeaders = ["Authorization": "Bearer t", "Cookie": "c=1", "X-Own": "kept"]
        _ = try transport.collect(TransportRequest("GET", server.url("/a"), headers: headers))
        let head = seen.withLock { $0 }
        #expect(!head.contains("Authorization") && !head.contains("Cookie"))
        #expect(head.contains("X-Own: kept"))
        #expect(try transport.collect(TransportRequest("GET", server.url("/b"), headers: headers)).head.headers["X"] == "kept")
    }

    @Test(arguments: [
        ("http://localhost:1/x", "a redirect to another host must be https"), ("file:///etc/passwd", "only http and https are asked"),
        ("gopher://127.0.0.1/x", "only http and https are asked"), ("http://[", "it is not an absolute URL"),
    ]) func `a redirect to somewhere unsafe is refused`(_ location: String, _ reason: String) throws {
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.answer(302, ["Location": location])
        }
        let error = try #require(registryError { try transport.collect(TransportRequest("GET", server.url())) })
        #expect(error.message.hasPrefix("http://127.0.0.1:\(server.port) redirects to "))
        #expect(error.message.hasSuffix(": \(reason)"))
        #expect(error.code.wire == "REDIRECT_REFUSED")
    }

    @Test func `redirects in a circle end`() throws {
        let server = ScriptedServer { connection in
            while !connection.head().isEmpty { connection.answer(302, ["Location": "/"]) }
        }
        #expect(
            registryError { try transport.collect(TransportRequest("GET", server.url())) }?.message.hasSuffix("more than 10 redirects")
                == true)
    }

    @Test func `bytes are sent again to where a 307 leads, a stream is not, a 303 is asked with GET`() throws {
        let server = ScriptedServer { connection in
            while case let head = connection.head(), !head.isEmpty {
                let body = head.contains("Content-Length: 3") ? connection.exactly(3) : head.contains("chunked") ? connection.chunks() : []
                if head.contains(" /a ") {
                    connection.answer(307, ["Location": "/b"])
                } else if head.contains(" /s ") {
                    connection.answer(303, ["Location": "/b"])
                } else {
                    connection.answer(200, ["X": String(head.prefix(4))], String(decoding: body, as: UTF8.self))
                }
            }
        }
        let (head, body) = try transport.collect(TransportRequest("POST", server.url("/a"), body: .bytes([1, 2, 3], type: "a/b")))
        #expect(body == [1, 2, 3])
        #expect(head.headers["X"] == "POST")
        let (seen, none) = try transport.collect(TransportRequest("POST", server.url("/s"), body: .bytes([1, 2, 3], type: "a/b")))
        #expect(none.isEmpty)
        #expect(seen.headers["X"] == "GET")
        let stream = TransportRequest("POST", server.url("/a"), body: .stream(BytesSource([1]), length: nil, type: "a/b"))
        #expect(
            registryError { try transport.collect(stream) }?.message.hasSuffix(": what is sent as a stream cannot be sent again") == true)
    }

    @Test func `a kept connection that the server closed is replaced without the caller's notice`() throws {
        let server = ScriptedServer { connection in
            let head = connection.head()
            let body = head.contains("Content-Length: 3") ? connection.exactly(3) : []
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            connection.send(body)
            usleep(20_000)
        }
        for _ in 0..<5 {
            #expect(try transport.collect(TransportRequest("POST", server.url(), body: .bytes([1, 2, 3], type: "a/b"))).body == [1, 2, 3])
            usleep(10_000)
        }
        #expect(server.connections == 5)
    }

    @Test func `many threads use one transport`() throws {
        let server = ScriptedServer { connection in
            while case let head = connection.head(), !head.isEmpty { connection.answer(200, [:], String(head.split(separator: " ")[1])) }
        }
        try WorkerPool.forEach(0..<200, threads: 8) { index in
            let body = try transport.collect(TransportRequest("GET", server.url("/\(index)"))).body
            #expect(body == Array("/\(index)".utf8))
        }
        #expect(server.connections <= 8)
    }

    @Test func `a certificate that nobody vouches for is refused, a trusted one is not`() throws {
        let folder = try TemporaryFolder()
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key", "-out", "cert",
            "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ]
        try run("openssl", arguments, in: folder.path)
        let port = ClosedPort.unused()
        let process = SpawnedProcess()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", "cert", "-key", "key", "-www", "-quiet"]
        process.currentDirectoryURL = folder.url
        process.standardInput = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        // A child of this process may have SIGTERM blocked.
        defer { kill(process.processIdentifier, SIGKILL) }
        let request = TransportRequest("GET", "https://localhost:\(port)/", endpoint: "https://localhost:\(port)")
        var error = registryError { try patient().collect(request) }
        for _ in 0..<600 where error?.message.hasPrefix("Unable") == true {
            usleep(100_000)
            error = registryError { try patient().collect(request) }
        }
        #expect(error?.message.hasPrefix("No secure connection to https://localhost:\(port): ") == true, "\(String(describing: error))")
        #expect(error?.code == .unreachable)
        #expect(error?.hint == "to trust a private certificate authority, set SSL_CERT_FILE to a file with its certificate")
        #expect(try patient { $0.certificates = folder.path + "/cert" }.collect(request).head.status == 200)
    }

    @Test func `https to a server of plain http says so`() throws {
        let server = ScriptedServer { connection in
            _ = connection.exactly(5)
            connection.answer(400)
        }
        let error = try #require(registryError { try transport.collect(TransportRequest("GET", "https://127.0.0.1:\(server.port)/")) })
        #expect(error.message.hasPrefix("No secure connection to https://127.0.0.1:\(server.port): "))
        #expect(error.hint == "it seems to speak plain HTTP: if that is meant, write its URL with http://")
    }
}
