import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxServer

/// A registry over real connections.
@Suite struct `Registry server` {
    @Test func `names every request, by the client's word when it is sane`() throws {
        let server = try TestServer()
        let connection = try server.connect()
        for (given, kept) in [
            ("my-id_1.2", true), (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false), ("a b", false),
            ("é", false),
        ] {
            try connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Request-Id: \(given)\r\n\r\n")
            let id = try connection.answer().headers["X-Request-Id"]
            #expect((id == given) == kept)
            #expect(id?.isEmpty == false)
        }
    }

    @Test func `gives HEAD the head of GET`() throws {
        let server = try TestServer()
        try put(server.store, "a:1", ["f": [1]])
        for path in ["/api/v1/resource/a", "/api/v1/content/a", "/api/v1/search", "/healthz", "/nothing", "/api/v1/resource/none"] {
            let connection = try server.connect()
            try connection.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\nHEAD \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            let get = try connection.answer()
            let head = try connection.answer(head: true)
            #expect(head.status == get.status)
            for name in ["Content-Length", "Content-Type", "ETag", "Accept-Ranges"] {
                #expect(head.headers[name] == get.headers[name], "\(path) \(name)")
            }
            try connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try connection.answer().status == 200)
        }
    }

    @Test(arguments: ["resource/a", "resource/a?files=true", "content/a"]) func `tells in a 304 the length of the 200`(path: String) throws
    {
        let server = try TestServer()
        try put(server.store, "a:1", ["f": [1]])
        let connection = try server.connect()
        try connection.send("GET /api/v1/\(path) HTTP/1.1\r\nHost: h\r\n\r\n")
        let whole = try connection.answer()
        try connection.send("GET /api/v1/\(path) HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n\r\n")
        let answer = try connection.answer()
        #expect(answer.status == 304)
        #expect(answer.headers["Content-Length"] == whole.headers["Content-Length"])
        try connection.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try connection.answer().text == "{\"status\":\"ok\"}")
    }

    @Test func `answers pipelined requests in order`() throws {
        let server = try TestServer()
        try put(server.store, "a:1", ["f": [1]])
        let connection = try server.connect()
        let paths = (0..<50).map { ["/healthz", "/api/v1/resource/a", "/api/v1/content/a", "/api/v1/search?q=\($0)", "/none"][$0 % 5] }
        try connection.send(paths.enumerated().map { "GET \($1) HTTP/1.1\r\nHost: h\r\nX-Request-Id: n\($0)\r\n\r\n" }.joined())
        for (index, path) in paths.enumerated() {
            let answer = try connection.answer()
            #expect(answer.headers["X-Request-Id"] == "n\(index)")
            #expect(answer.status == (path == "/none" ? 404 : 200))
        }
    }

    @Test func `resumes a download by ranges, byte by byte the same`() throws {
        let server = try TestServer()
        try put(server.store, "a:1", ["f": noise(300_000)])
        let whole = try server.curl("/api/v1/content/a").output
        let place = try TemporaryFolder()
        try place.write("got", whole.prefix(100_000))
        #expect(try server.curl("/api/v1/content/a", "-C", "-", "-o", "\(place.path)/got").status == 0)
        #expect(try Data(contentsOf: place.url.appendingPathComponent("got")) == whole)
        try place.write("archive.tar.gz", whole)
        #expect(try run("tar", ["tzf", "\(place.path)/archive.tar.gz"]).text == "f\n")
    }

    @Test func `the same bytes every time; a damaged blob is not sent whole`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: try DiskStore(at: folder.path))
        let record = try put(server.store, "a:1", ["f": Array("content".utf8)])
        let cache = server.folder.path + "/data/cache/archives"
        let first = try server.curl("/api/v1/content/a").output
        try FileManager.default.removeItem(atPath: cache)
        #expect(try server.curl("/api/v1/content/a").output == first)
        try FileManager.default.removeItem(atPath: cache)

        let digest = try server.store.manifest(of: record).files[0].digest.hex
        let blob = "\(folder.path)/blobs/sha256/\(digest.prefix(2))/\(digest)"
        chmod(blob, 0o644)
        try Data("CONTENT".utf8).write(to: URL(fileURLWithPath: blob))
        let damaged = try server.curl("/api/v1/content/a", "-w", "%{http_code}")
        #expect(damaged.text.hasSuffix("500"))
        #expect(!damaged.output.starts(with: first.prefix(4)))
        #expect(try server.leftovers() == [])
    }

    @Test func `one log line a request`() throws {
        let server = try TestServer()
        let connection = try server.connect()
        try connection.send("GET /api/v1/search?q=%22%0a HTTP/1.1\r\nHost: h\r\nX-Request-Id: one\r\n\r\n")
        _ = try connection.answer()
        try connection.send("HEAD /no\u{1B}pe\"\\ HTTP/1.1\r\nHost: h\r\nX-Request-Id: two\r\n\r\n")
        _ = try connection.answer(head: true)
        let lines = try server.log(lines: 2)
        #expect(lines.count == 2)
        #expect(lines[0].object?.keys.sorted() == ["bytes", "id", "method", "ms", "path", "status", "time"])
        #expect(lines[0]["path"] == "/api/v1/search?q=%22%0a")
        #expect(lines[0]["status"] == 200)
        #expect(lines[0]["id"] == "one")
        #expect(lines[0]["bytes"]?.int == 24)
        #expect(lines[0]["time"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        #expect(lines[1]["path"] == "/no\u{1B}pe\"\\")
        #expect(lines[1]["status"] == 400)
        #expect(lines[1]["bytes"] == 0)
    }

    @Test func `writes lines for people on a terminal`() throws {
        var out: [UInt8] = []
        AccessLine.human(
            AccessLog.Entry(
                method: "GET", path: "/a\u{1B}[2J\n", status: 200, bytes: 15, nanoseconds: 1_100_000, id: "1a2b", aborted: false),
            into: &out)
        let line = String(decoding: out, as: UTF8.self)
        #expect(line.wholeMatch(of: /\d\d:\d\d:\d\d GET \/a\\u001b\[2J\\u000a 200 15B 1\.1ms 1a2b\n/) != nil, "\(line)")
    }

    @Test func `a fault tells the message and the id only`() throws {
        let server = try TestServer(store: BrokenStore())
        let answer = try server.curl("/api/v1/resource/a", "-w", "%{http_code}", "-H", "X-Request-Id: the-id").text
        #expect(answer.hasSuffix("500"))
        #expect(answer.contains("INTERNAL_ERROR") && answer.contains("the-id"))
        #expect(!answer.contains("/secret"))
        #expect(
            try server.log(lines: 2).contains {
                $0["level"] == "error" && $0["id"] == "the-id" && $0["message"]?.string?.contains("/secret") == true
            })
    }

    @Test func `large archives are taken, and given again`() throws {
        let server = try TestServer(store: try DiskStore(at: TemporaryFolder().path))
        let place = try TemporaryFolder()
        try place.write("big", "")
        truncate("\(place.path)/big", 400 << 20)
        // Random bytes would take longer to make than to send: zeros in a stored archive are as long on the wire.
        try run(
            "sh",
            ["-c", "tar c -C \(place.path) big | gzip -1 > \(place.path)/c.tar.gz && head -c 200M /dev/urandom > \(place.path)/noise"])
        try run("sh", ["-c", "tar c -C \(place.path) noise | gzip -1 > \(place.path)/noise.tar.gz"])
        try place.write("m", "{\"name\":\"big\",\"type\":\"binary\"}")
        for name in ["c", "noise"] {
            let sent = try server.curl(
                "/api/v1/publish", "-w", "%{http_code}", "-F", "locator=big:\(name)", "-F", "manifest=@\(place.path)/m", "-F",
                "content=@\(place.path)/\(name).tar.gz")
            #expect(sent.text.hasSuffix("201"), "\(sent.text)\(sent.error)")
            #expect(try server.curl("/api/v1/content/big:\(name)", "-o", "/dev/null").status == 0)
        }
    }
}

/// A store that fails with a message that is nobody's business.
final class BrokenStore: ForwardingStore {
    private struct Fault: Error, CustomStringConvertible { let description = "cannot read /secret/path" }

    func base() throws -> any Store { throw Fault() }
}
