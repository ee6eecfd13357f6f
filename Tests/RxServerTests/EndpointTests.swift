import Foundation
import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Endpoints` {
    @Test func `publish, and give back what was published`() throws {
        let calls = try DirectCalls()
        let receipt = calls.publish(
            try publishParts("p/new:1", "{\"name\":\"new\",\"type\":\"text\",\"x\":1}", files: ["a": [1], "b/c": [2]]))
        #expect(receipt.status == 201)
        let stored = try PublishReceipt(parsing: receipt.content)
        let info = try ResourceInfo(parsing: calls.call("GET", "/api/v1/resource/p%2Fnew%3A1?files=true").content)
        #expect(info.digest == stored.digest && info.manifestDigest == stored.manifestDigest)
        #expect(info.files?.map(\.path.text) == ["a", "b/c"])
        #expect(info.definition.members["x"] == 1)
        let content = calls.call("GET", "/api/v1/content/p/new:1")
        #expect(content.content == (try archive(["a": [1], "b/c": [2]])))
        #expect(content.headers["ETag"] == "\"\(stored.manifestDigest)\"")
    }

    @Test(arguments: [1, 2, 7, 4096])
    func `take a form in pieces of any size`(piece: Int) throws {
        #expect(try DirectCalls().publish(publishParts(), piece: piece).status == 201)
    }

    @Test func `see a change at once`() throws {
        let calls = try DirectCalls()
        try put(calls.store, "a:1", ["f": [1]])
        let first = calls.call("GET", "/api/v1/resource/a").content
        #expect(calls.call("GET", "/api/v1/resource/a").content == first)
        try put(calls.store, "a:2", ["f": [2]])
        #expect(calls.call("GET", "/api/v1/resource/a").json?["tag"] == "2")
        #expect(calls.call("DELETE", "/api/v1/resource/a:2").status == 204)
        #expect(calls.call("GET", "/api/v1/resource/a").json?["tag"] == "1")
    }

    @Test(arguments: [
        "a%2F..%2Fb", "%2e%2e%2fetc", "..", "a/../b", "a%252Fb", "a%25", "%", "%zz", "a%00b", "a%0Ab", "a%5Cb", "/a", "a//b", "a%20b",
        "a:../x", "a@sha256:abc",
        "a@", "a@@b", ".hidden", "a%ff", "%EF%BF%BD%25", "a;b", "a%3Bb", "a%7Cb", "a:", ":1", String(repeating: "a", count: 257),
        "a%2f%2fb", "%2Fa",
    ])
    func `refuse paths that are no locators`(rest: String) throws {
        let calls = try DirectCalls()
        for (method, prefix) in [("GET", "resource"), ("HEAD", "resource"), ("DELETE", "resource"), ("GET", "content")] {
            let answer = calls.call(method, "/api/v1/\(prefix)/\(rest)")
            #expect(answer.status == 400, "\(method) \(prefix)")
            #expect(answer.code == "INVALID_LOCATOR")
        }
    }

    @Test func `measure a locator by its text, not by its escapes`() throws {
        let calls = try DirectCalls()
        let name = String(repeating: "名", count: 40)
        try put(calls.store, "\(name):1", ["f": [1]])
        let path = Route.resource(try Locator(parsing: name))
        #expect(path.utf8.count > 256)
        #expect(calls.call("GET", path).status == 200)
    }

    @Test func `leave the registry out of account`() throws {
        let calls = try DirectCalls()
        try put(calls.store, "p/a:1", ["f": [1]])
        try put(calls.store, "other.example/p/b:1", ["f": [1]])
        #expect(calls.call("GET", "/api/v1/resource/any.host%2Fp%2Fa:1").status == 200)
        #expect(calls.call("GET", "/api/v1/resource/other.example%2Fp%2Fb:1").status == 404)
        #expect(calls.call("GET", "/api/v1/search").json?["total"] == 1)
    }

    @Test func `answer a known path with another method and an unknown path`() throws {
        let calls = try DirectCalls()
        #expect(calls.call("PUT", "/api/v1/resource/a").headers["Allow"] == "GET, HEAD, DELETE")
        #expect(calls.call("GET", "/api/v1/publish").code == "METHOD_NOT_ALLOWED")
        #expect(calls.call("get", "/healthz").status == 405)
        for path in ["/", "/api/v1", "/api/v1/resource", "/healthz/", "//healthz", "/api/v1/Health", "", "*"] {
            #expect(calls.call("GET", path).code == "NOT_FOUND", "\(path)")
        }
    }

    @Test(arguments: [
        (["locator"], "LOCATOR_REQUIRED"), (["manifest"], "MANIFEST_REQUIRED"), (["content"], "CONTENT_REQUIRED"),
        (["locator", "content"], "LOCATOR_REQUIRED"),
    ])
    func `name the part that is missing`(missing: [String], code: String) throws {
        let calls = try DirectCalls()
        #expect(calls.publish(try publishParts().filter { !missing.contains($0.name) }).code == code)
        #expect(calls.call("GET", "/api/v1/search").json?["total"] == 0)
    }

    @Test(arguments: [("manifest", "MANIFEST_REQUIRED"), ("content", "CONTENT_REQUIRED")])
    func `take a file only as a file`(name: String, code: String) throws {
        var parts = try publishParts()
        for index in parts.indices where parts[index].name == name { parts[index].filename = nil }
        #expect(try DirectCalls().publish(parts).code == code)
    }

    @Test(arguments: ["locator", "manifest", "content"])
    func `refuse a part that comes twice`(name: String) throws {
        let parts = try publishParts()
        let answer = try DirectCalls().publish(parts + parts.filter { $0.name == name })
        #expect(answer.code == "INVALID_REQUEST")
        #expect(answer.message?.contains(name) == true)
    }

    @Test func `take the parts in any order and ignore others`() throws {
        let parts = try publishParts()
        #expect(
            try DirectCalls().publish([.file("other", [1]), parts[2], .text("x", "y"), parts[1], .text("x", "y"), parts[0]]).status == 201)
    }

    @Test(arguments: [
        ("a:1", "{\"name\":\"b\",\"type\":\"t\"}", "INVALID_MANIFEST"),
        ("a:1", "{\"name\":\"a\",\"type\":\"t\",\"tag\":\"2\"}", "INVALID_MANIFEST"),
        ("a:1", "{\"name\":\"a\",\"type\":\"t\",\"path\":\"p\"}", "INVALID_MANIFEST"),
        ("p/a:1", "{\"name\":\"a\",\"type\":\"t\",\"path\":\"q\"}", "INVALID_MANIFEST"),
        ("a:1", "{\"type\":\"t\"}", "MISSING_REQUIRED_FIELDS"), ("a:1", "{\"name\":\"a\"}", "MISSING_REQUIRED_FIELDS"),
        ("a:1", "{", "INVALID_MANIFEST"),
        ("a:1", "[]", "INVALID_MANIFEST"), ("a:1", "", "INVALID_MANIFEST"), ("..", "{}", "INVALID_LOCATOR"),
        ("a@sha256:12", "{}", "INVALID_LOCATOR"),
        ("a\u{0}", "{}", "INVALID_LOCATOR"),
        ("a:1@sha256:\(String(repeating: "0", count: 64))", "{\"name\":\"a\",\"type\":\"t\"}", "DIGEST_INVALID"),
    ])
    func `refuse a locator and manifest that do not agree`(locator: String, manifest: String, code: String) throws {
        let calls = try DirectCalls()
        let answer = calls.publish(try publishParts(locator, manifest))
        #expect(answer.status == 400)
        #expect(answer.code == code)
        #expect(calls.call("GET", "/api/v1/search").json?["total"] == 0)
    }

    @Test(arguments: ["", "not gzip", "\u{1F}"])
    func `refuse content that is no archive`(content: String) throws {
        var parts = try publishParts()
        parts[2].content = Array(content.utf8)
        let answer = try DirectCalls().publish(parts)
        #expect(answer.status == 400)
        #expect(answer.code == "INVALID_CONTENT")
    }

    @Test func `refuse an archive that is cut or changed anywhere`() throws {
        let calls = try DirectCalls()
        let good = try publishParts()
        for end in stride(from: 0, to: good[2].content.count, by: 3) {
            var parts = good
            parts[2].content = Array(good[2].content[..<end])
            #expect(calls.publish(parts).status == 400, "cut at \(end)")
        }
        #expect(calls.call("GET", "/api/v1/search").json?["total"] == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: calls.folder.path).isEmpty)
    }

    @Test func `hold to the limits of a publish`() throws {
        let small = try DirectCalls { $0.maxDefinitionBytes = 10 }
        #expect(small.publish(try publishParts()).code == "CONTENT_TOO_LARGE")
        let few = try DirectCalls { $0.maxEntries = 1 }
        #expect(few.publish(try publishParts(files: ["a": [1], "b": [2]])).code == "INVALID_CONTENT")
        #expect(few.publish(try publishParts(files: ["a": [1]])).status == 201)
        let little = try DirectCalls { $0.maxUnpackedBytes = 10 }
        #expect(little.publish(try publishParts(files: ["a": [UInt8](repeating: 0, count: 11)])).code == "INVALID_CONTENT")
        var long = try publishParts()
        long[0].content = [UInt8](repeating: 0x61, count: 5000)
        #expect(try DirectCalls().publish(long).message == "Locator too long")
    }

    @Test func `answer a condition and a range of content`() throws {
        let calls = try DirectCalls()
        let record = try put(calls.store, "a:1", ["f": Array(0..<200)])
        let whole = calls.call("GET", "/api/v1/content/a").content
        let tag = "\"\(record.manifestDigest)\""
        #expect(calls.call("GET", "/api/v1/content/a", ["If-None-Match": tag]).status == 304)
        #expect(calls.call("GET", "/api/v1/resource/a", ["If-None-Match": "W/\(tag)"]).status == 304)
        let part = calls.call("GET", "/api/v1/content/a", ["Range": "bytes=3-9", "If-Range": tag])
        #expect(part.status == 206)
        #expect(part.content == Array(whole[3...9]))
        #expect(part.headers["Content-Range"] == "bytes 3-9/\(whole.count)")
        #expect(calls.call("GET", "/api/v1/content/a", ["Range": "bytes=3-9", "If-Range": "\"x\""]).status == 200)
        #expect(calls.call("HEAD", "/api/v1/content/a", ["Range": "bytes=3-9"]).status == 200)
        let outside = calls.call("GET", "/api/v1/content/a", ["Range": "bytes=\(whole.count)-"])
        #expect(outside.status == 416)
        #expect(outside.headers["Content-Range"] == "bytes */\(whole.count)")
    }

    @Test func `select by manifest and by tree digest`() throws {
        let calls = try DirectCalls()
        let record = try put(calls.store, "a:1", ["f": [1]])
        for digest in [record.manifestDigest, record.tree] {
            #expect(calls.call("GET", "/api/v1/resource/a@\(digest)").status == 200)
            #expect(calls.call("GET", "/api/v1/content/a%40\(digest)").status == 200)
        }
        #expect(calls.call("GET", "/api/v1/resource/b@\(record.tree)").status == 404)
    }

    @Test(arguments: [
        "/api/v1/resource/a?files=1", "/api/v1/resource/a?files=true&files=true", "/api/v1/resource/a?x=%",
        "/api/v1/search?limit=1&limit=1",
    ])
    func `refuse a query that is not allowed`(target: String) throws {
        #expect(try DirectCalls().call("GET", target).code == "INVALID_QUERY")
    }
}
