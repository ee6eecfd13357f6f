import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxServer

/// Heads that two programs could read differently, and those that are larger than what the library holds.
@Suite struct `Hostile heads` {
    private func ask(_ server: TestServer, _ request: String) throws -> RawConnection.Answer {
        let connection = try server.connect()
        try connection.send(request)
        return try connection.answer()
    }

    @Test(arguments: [
        "Host: h\r\nContent-Length : 5\r\n", "Host: h\r\nContent-Length\t: 5\r\n", "Host: h\r\n: x\r\n", "Host: h\r\nA b: x\r\n",
        " Host: h\r\n",
        "Host: h\r\nX\u{1}: x\r\n", "Host: h\r\nX(): x\r\n", "Host: h\r\nX: a\rb\r\n", "Host: h\r\nX: a\u{0}b\r\n",
        "Host: h\r\nX: a\u{1}b\r\n",
        "Host: h\r\nX: a\u{7F}b\r\n", "Host: \r\n", "Host:\r\n", "Host: h\r\nX: a\r\n b\r\n", "Host: h\r\nX: a\r\n\tb\r\nY: c\r\n",
        "X: a\r\n b\r\nHost: h\r\n", "Host: h\u{0}evil\r\n", "Host: h\r\nX: \u{0}a\r\nY: b\r\n", "Host: h\r\nX: a\r\n \r\n",
        "Host: h\r\nX: a\r\r\n",
    ])
    func `that two programs could read differently are INVALID_REQUEST`(fields: String) throws {
        let server = try TestServer()
        let connection = try server.connect()
        try connection.send("GET /healthz HTTP/1.1\r\n\(fields)\r\n")
        let answer = try connection.answer()
        #expect(answer.status == 400)
        #expect(answer.code == "INVALID_REQUEST")
        #expect(HTTPHeaders.same(answer.headers["Connection"] ?? "", "close"))
        #expect(connection.closes())
    }

    @Test(arguments: [
        "Host: h\r\n", "Host:h\r\n", "Host: \t h\r\n", "Host: h\nX: y\n", "Host: h\r\nX:\r\nY: \r\n", "X: é\r\nHost: h\r\n",
        "Host: h\r\nX: a\tb  \r\n",
        "Host: h\r\nCookie: a=b; c=d\r\n!#$%&'*+-.^_`|~0aZ: x\r\n",
    ])
    func `that are only unusual are understood`(fields: String) throws {
        #expect(try ask(try TestServer(), "GET /healthz?a=b&c HTTP/1.1\r\n\(fields)\r\n").status == 200)
    }

    @Test func `are understood in pieces, one after the other`() throws {
        let server = try TestServer { $0.maxHeaderBytes = 32 << 10 }
        let connection = try server.connect()
        for count in [1, 3000, 20_000, 5] {
            let request = "GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: \(String(repeating: "a", count: count))\r\nX: y\r\n\r\n"
            for start in stride(from: 0, to: request.utf8.count, by: 4000) {
                try connection.send(Array(Array(request.utf8)[start..<min(start + 4000, request.utf8.count)]))
                usleep(2000)
            }
            #expect(try connection.answer().status == 200)
        }
    }

    @Test(arguments: ["/healthz", "/api/v1/resource/a", "/api/v1/search", "/nothing"])
    func `with thousands of arguments are answered, and leave a line each`(path: String) throws {
        let server = try TestServer()
        let query = String(repeating: "&", count: 5000)
        for index in 0..<400 {
            let answer = try ask(server, "GET \(path)?\(query) HTTP/1.1\r\nHost: h\r\nX-Request-Id: n\(index)\r\n\r\n")
            #expect(200..<500 ~= answer.status)
        }
        #expect(try server.log(lines: 400).compactMap { $0["id"]?.string }.sorted() == (0..<400).map { "n\($0)" }.sorted())
    }

    @Test func `that the library cannot hold leave a line each`() throws {
        let server = try TestServer { $0.idleSeconds = 5 }
        let query = "\u{0}?" + String(repeating: "a&", count: 8000)
        let connections = try (0..<20).map { _ in
            let connection = try server.connect()
            try connection.send("GET /healthz\(query) HTTP/1.1\r\nHost: h\r\n\r\n")
            return connection
        }
        for connection in connections { _ = connection.closes() }
        let lines = try server.log(lines: 20)
        #expect(lines.count == 20)
        #expect(lines.allSatisfy { 400..<500 ~= $0["status"]!.int! })
    }

    @Test func `with too many fields are 431, in our words as far as the library can hold them`() throws {
        let server = try TestServer { $0.maxHeaderBytes = 32 << 10 }
        for (count, size, status) in [(1000, 8, 200), (600, 50, 431), (200, 240, 431), (1, 60_000, 431)] {
            let fields = (0..<count).map { "X\($0): \(String(repeating: "a", count: size))\r\n" }.joined()
            let answer = try ask(server, "GET /healthz HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
            #expect(answer.status == status, "\(count) of \(size)")
            if status == 431 { #expect(answer.code == "HEADERS_TOO_LARGE", "\(count) of \(size)") }
        }
    }

    @Test func `that the library refuses have its status in the log`() throws {
        let server = try TestServer()
        let fields = (0..<20_000).map { "X\($0): a\r\n" }.joined()
        let connection = try server.connect()
        try? connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
        _ = try? connection.answer()
        #expect(try server.log(lines: 1).map { $0["status"] } == [431])
    }

    @Test func `with a broken escape in the query are INVALID_QUERY on every path`() throws {
        let server = try TestServer()
        for path in ["/healthz", "/.well-known/resourcex", "/api/v1/resource/a", "/api/v1/content/a", "/api/v1/search"] {
            #expect(try ask(server, "GET \(path)?x=%zz HTTP/1.1\r\nHost: h\r\n\r\n").code == "INVALID_QUERY")
        }
    }

    @Test func `that never come keep no place of those over the limit`() throws {
        let server = try TestServer { $0.maxConnections = 1 }
        let held = try server.connect()
        try held.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try held.answer().status == 200)
        let start = Clock.monotonic
        #expect(try server.connect().closes())
        // Far from the 60 s that an idle connection has.
        #expect(Clock.monotonic - start < 30_000_000_000)
        try held.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try held.answer().status == 200)
    }
}
