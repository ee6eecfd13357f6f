import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxServer

/// Requests that break rules: each gets a clear answer, and nothing stays behind.
@Suite struct `Hostile requests` {
    private func ask(_ server: TestServer, _ request: String) throws -> RawConnection.Answer {
        let connection = try server.connect()
        try connection.send(request)
        return try connection.answer()
    }

    @Test(arguments: [
        "GET /healthz HTTP/1.1\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET healthz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /health\u{0}z HTTP/1.1\r\nHost: h\r\n\r\n", "GET /healthz\u{0} HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /he althz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a\u{7F} HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ])
    func `that break HTTP are INVALID_REQUEST`(request: String) throws {
        let server = try TestServer()
        let answer = try ask(server, request)
        #expect(answer.status == 400)
        #expect(answer.code == "INVALID_REQUEST")
        #expect(answer.headers["X-Request-Id"] != nil)
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    ])
    func `that are no HTTP end the connection, and the server goes on`(request: String) throws {
        let server = try TestServer()
        let connection = try server.connect()
        try connection.send(request)
        if let answer = try? connection.answer() { #expect(400...505 ~= answer.status) }
        #expect(try ask(server, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }

    @Test(arguments: [32_000, 33_000, 40_000, 45_000])
    func `with a long head are 431 with a body`(count: Int) throws {
        let server = try TestServer { $0.maxHeaderBytes = 32 << 10 }
        let answer = try ask(server, "GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: \(String(repeating: "a", count: count))\r\n\r\n")
        #expect(answer.status == (count < 32_768 ? 200 : 431))
        if count >= 32_768 { #expect(answer.code == "HEADERS_TOO_LARGE") }
    }

    @Test(arguments: [100_000, 10_000_000])
    func `with a head beyond all measure are 431 or cut off`(count: Int) throws {
        let server = try TestServer()
        let connection = try server.connect()
        try? connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: \(String(repeating: "a", count: count))\r\n\r\n")
        if let answer = try? connection.answer() { #expect(answer.status == 431) }
        #expect(try ask(server, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }

    @Test func `with a body over the limit are 413, by length and by count`() throws {
        let server = try TestServer { $0.maxBodyBytes = 10_000 }
        let big = form(try publishParts(files: ["f": noise(3_000_000)]))
        let small = form(try publishParts())
        for (more, body) in [("", big), ("Expect: 100-continue\r\n", [])] {
            let connection = try server.connect()
            try? connection.send(
                Array(
                    "POST /api/v1/publish HTTP/1.1\r\nHost: h\r\nContent-Type: \(formType)\r\nContent-Length: \(big.count)\r\n\(more)\r\n"
                        .utf8) + body)
            let answer = try connection.answer()
            #expect(answer.status == 413)
            #expect(answer.code == "CONTENT_TOO_LARGE")
        }
        let place = try TemporaryFolder()
        try place.write("big", big)
        try place.write("small", small)
        for arguments in [
            ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"], ["-H", "Expect: 100-continue"],
            ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
        ] {
            for (file, status) in [("big", "413"), ("small", "201")] {
                let sent = try run(
                    "curl",
                    [
                        "-sS", "--max-time", "300", "-X", "POST", "-T", "\(place.path)/\(file)", "-H", "Content-Type: \(formType)", "-w",
                        "%{http_code}",
                    ] + arguments
                        + ["\(server.url)/api/v1/publish"])
                #expect(sent.text.hasSuffix(status), "\(file) \(arguments): \(sent.text) \(sent.error)")
            }
        }
        #expect(try server.leftovers() == [])
    }

    @Test func `with a body where none is wanted are answered, and small ones keep the connection`() throws {
        let server = try TestServer()
        try put(server.store, "a:1", ["f": [1]])
        let connection = try server.connect()
        try connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        #expect(try connection.answer().status == 200)
        try connection.send("PUT /nothing HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        #expect(try connection.answer().status == 404)
        try connection.send("DELETE /api/v1/resource/a:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        #expect(try connection.answer().status == 204)
        let place = try TemporaryFolder()
        try place.write("big", [UInt8](repeating: 0, count: 30_000_000))
        for arguments in [["-H", "Expect:"], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"]] {
            let sent = try run(
                "curl",
                ["-sS", "--max-time", "300", "-T", "\(place.path)/big", "-w", "%{http_code}"] + arguments + ["\(server.url)/nothing"])
            #expect(sent.text.hasSuffix("404"), "\(arguments): \(sent.text) \(sent.error)")
        }
    }

    @Test(arguments: ["application/json", "text/plain", "multipart/mixed; boundary=xyz"])
    func `of another content type are 415`(type: String) throws {
        let server = try TestServer()
        let connection = try server.connect()
        try connection.send(publishRequest(form(publishParts()), type: type))
        let answer = try connection.answer()
        #expect(answer.status == 415)
        #expect(answer.code == "UNSUPPORTED_TYPE")
    }

    @Test func `with broken forms are INVALID_REQUEST`() throws {
        let server = try TestServer()
        let good = form(try publishParts())
        for (body, type) in [
            (good, "multipart/form-data"), (good, "multipart/form-data; boundary=other"), (Array(good.dropLast(10)), formType),
            ([], formType),
            (Array("--xyz\r\nbroken\r\n\r\n--xyz--".utf8), formType), (Array("--xyzz\r\n".utf8) + good, formType),
        ] {
            let connection = try server.connect()
            try connection.send(publishRequest(body, type: type))
            let answer = try connection.answer()
            #expect(answer.status == 400)
            #expect(answer.code == "INVALID_REQUEST")
        }
        #expect(try server.leftovers() == [])
    }

    @Test func `that end in the middle of an upload leave nothing`() throws {
        let server = try TestServer()
        let request = publishRequest(form(try publishParts(files: ["f": noise(400_000)])))
        for (cut, how) in [(300_000, "close"), (300_000, "reset"), (request.count - 1, "half"), (400, "close"), (50, "close")] {
            let connection = try server.connect()
            try connection.send(Array(request[..<cut]))
            #expect(try connection.isRead())
            if how == "reset" { connection.reset() }
            if how == "half" {
                connection.finishSending()
                _ = connection.closes()
            }
        }
        // The one of 50 bytes never becomes a request.
        let lines = try server.log(lines: 4)
        #expect(try server.leftovers() == [])
        #expect(try ask(server, "GET /api/v1/search HTTP/1.1\r\nHost: h\r\n\r\n").text.contains("\"total\":0"))
        #expect(lines.contains { $0["status"] == 499 && $0["aborted"] == true })
    }

    @Test func `that come byte by byte are understood`() throws {
        let server = try TestServer()
        let connection = try server.connect()
        for byte in publishRequest(form(try publishParts())) {
            try connection.send([byte])
            usleep(50)
        }
        #expect(try connection.answer().status == 201)
    }

    @Test func `an idle connection is closed`() throws {
        let server = try TestServer { $0.idleSeconds = 1 }
        let silent = try server.connect()
        let slow = try server.connect()
        try slow.send("GET /healthz HTTP/1.1\r\nHo")
        let uploading = try server.connect()
        try uploading.send(Array(publishRequest(form(try publishParts())).prefix(200)))
        for connection in [silent, slow, uploading] { #expect(connection.closes()) }
        #expect(try server.leftovers() == [])
    }

    @Test func `too many connections are 503 with Retry-After`() throws {
        let server = try TestServer { $0.maxConnections = 3 }
        let held = try (0..<3).map { _ in
            let connection = try server.connect()
            try connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try connection.answer().status == 200)
            return connection
        }
        let extra = try server.connect()
        try extra.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = try extra.answer()
        #expect(answer.status == 503)
        #expect(answer.code == "OVERLOADED")
        #expect(answer.headers["Retry-After"] == "1")
        #expect(extra.closes())
        try held[0].send("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(try held[0].answer().status == 200)
        #expect(held[0].closes())
        #expect(try ask(server, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }
}
