import Foundation
import RxCrypto
import RxHTTP
import RxModel
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxServer

@Suite struct `Raw files` {
    static let forever = "public, max-age=31536000, immutable"
    let calls: DirectCalls
    let record: ResourceRecord
    let pin: String

    init() throws {
        calls = try DirectCalls()
        record = try put(
            calls.store, "acme/tools:1.2.0",
            [
                "README.md": Array("# Tools\n".utf8), "LICENSE": Array("MIT\n".utf8), "bin/run": Array("#!/bin/sh\n".utf8),
                "lib/x.py": Array("x = 1\n".utf8), "lib/é ü#?.txt": Array("odd\n".utf8), "lib/data.bin": [0, 1, 2, 255],
                "page.HTML": Array("<script>alert(1)</script>".utf8), "100%.txt": Array("percent".utf8), "a%2Fb": Array("escape".utf8),
            ])
        pin = "/r/acme/tools@\(record.manifestDigest)"
    }

    func get(_ path: String, _ headers: HTTPHeaders = [:]) -> HTTPResponse { calls.call("GET", path, headers) }
    func text(_ path: String) -> String { String(decoding: get(path).content, as: UTF8.self) }

    @Test func `are sent from names that never change, for good`() throws {
        for locator in [
            pin, "/r/acme/tools:1.2.0", "/r/acme%2Ftools%3A1.2.0",
            "\(pin.replacing("@", with: ":nosuch@"))",
        ] {
            let answer = get("\(locator)/lib/x.py")
            #expect(answer.status == 200 && answer.content == Array("x = 1\n".utf8), "\(locator)")
            #expect(answer.headers["Cache-Control"] == `Raw files`.forever)
            #expect(answer.headers["ETag"] == "\"\(sha256(Array("x = 1\n".utf8)))\"")
            #expect(answer.headers["Content-Type"] == "text/plain; charset=utf-8")
            #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
            #expect(answer.headers["Content-Security-Policy"] == "sandbox")
            #expect(answer.headers["Accept-Ranges"] == "bytes")
            let again = get("\(locator)/lib/x.py")
            #expect(again.status == 200 && again.content == answer.content && again.headers == answer.headers, "the one that is kept")
        }
    }

    @Test func `are led to from names that move`() throws {
        for (path, target) in [
            ("acme/tools/lib/x.py", "\(pin)/lib/x.py"), ("acme/tools:latest/lib/x.py?a=b&c", "\(pin)/lib/x.py?a=b&c"),
            ("acme/tools", "\(pin)/"), ("acme/tools/", "\(pin)/"), ("acme/tools/lib", "\(pin)/lib/"),
            ("acme/tools/lib/%C3%A9%20%C3%BC%23%3F.txt", "\(pin)/lib/%C3%A9%20%C3%BC%23%3F.txt"),
            // Another manifest may have the same tree.
            ("acme/tools@\(record.tree)/lib/x.py", "\(pin)/lib/x.py"), ("acme/tools@\(record.tree)/lib", "\(pin)/lib/"),
            ("acme/tools:1.2.0@\(record.tree)/lib/x.py", "\(pin)/lib/x.py"),
        ] {
            let answer = get("/r/\(path)")
            #expect(answer.status == 302 && answer.headers["Location"] == target, "\(path): \(answer.headers)")
            #expect(answer.headers["Cache-Control"] == "public, max-age=60" && answer.content.isEmpty)
        }
        #expect(text("\(pin)/lib/%C3%A9%20%C3%BC%23%3F.txt") == "odd\n")
        let newer = try put(calls.store, "acme/tools:1.3.0", ["lib/x.py": [1]])
        #expect(get("/r/acme/tools/lib/x.py").headers["Location"] == "/r/acme/tools@\(newer.manifestDigest)/lib/x.py")
        #expect(get("/r/acme/tools/README.md").code == "NOT_FOUND", "nor is an older one looked at")
    }

    @Test func `have the type that their names or bytes tell, and no browser takes them for another`() throws {
        for (path, type) in [
            ("README.md", "text/markdown; charset=utf-8"), ("LICENSE", "text/plain; charset=utf-8"),
            ("bin/run", "text/plain; charset=utf-8"),
            ("lib/data.bin", "application/octet-stream"), ("page.HTML", "text/html; charset=utf-8"),
        ] { #expect(get("\(pin)/\(path)").headers["Content-Type"] == type, "\(path)") }
        let types: [(String, [UInt8]?, String)] = [
            ("a.mjs", nil, "text/javascript; charset=utf-8"), ("a.JSON", nil, "application/json"), ("a.wasm", nil, "application/wasm"),
            ("a.svg", nil, "image/svg+xml"), ("a.tar.gz", nil, "application/gzip"), ("a", nil, FileType.bytes), ("a", [], FileType.text),
            ("a.unknown", Array("text".utf8), FileType.text), ("a", [0xC3], FileType.bytes), ("a", [0x1B, 0x5B], FileType.text),
            ("a", [0x7F], FileType.bytes), ("html", Array("<html>".utf8), FileType.text), ("a.", [0xFF], FileType.bytes),
            // A character at the very end may be cut off, and no other.
            ("a", [UInt8](repeating: 0x61, count: 1022) + [0xE2, 0x82], FileType.text),
            ("a", [UInt8](repeating: 0x61, count: 1023) + [0xE2], FileType.text),
            ("a", [UInt8](repeating: 0x61, count: 1023) + [0x82], FileType.bytes),
            ("a", [UInt8](repeating: 0x61, count: 1000) + [0xE2, 0x82], FileType.bytes),
        ]
        for (name, front, type) in types { #expect(FileType.contentType(name: name, front: front) == type, "\(name) \(front ?? [])") }
    }

    @Test func `answer conditions, ranges and HEAD as blobs do`() throws {
        let path = "\(pin)/lib/x.py"
        for _ in 0..<2 {
            let tag = try #require(get(path).headers["ETag"])
            let same = get(path, ["If-None-Match": tag])
            #expect(same.status == 304 && same.headers["ETag"] == tag && same.headers["Cache-Control"] == `Raw files`.forever)
            #expect(get(path, ["If-None-Match": "\"other\""]).status == 200)
            let part = get(path, ["Range": "bytes=2-3"])
            #expect(part.status == 206 && part.content == Array("= ".utf8) && part.headers["Content-Range"] == "bytes 2-3/6")
            #expect(part.headers["Content-Security-Policy"] == "sandbox")
            #expect(get(path, ["Range": "bytes=2-3", "If-Range": "\"other\""]).status == 200)
            #expect(get(path, ["Range": "bytes=0-1,3-4"]).status == 200)
            let outside = get(path, ["Range": "bytes=9-"])
            #expect(outside.message == "the file has 6 bytes, none of them in the range", "also from the one that is kept")
            #expect(outside.status == 416 && outside.headers["Content-Range"] == "bytes */6" && outside.code == "RANGE_NOT_SATISFIABLE")
            let head = calls.call("HEAD", path)
            #expect(head.status == 200 && head.body.count == 6 && head.headers == get(path).headers)
        }
        #expect(calls.call("HEAD", "/r/acme/tools/lib/x.py").status == 302)
        #expect(calls.call("PUT", path).headers["Allow"] == "GET, HEAD" && calls.call("DELETE", path).status == 405)
    }

    @Test(arguments: [
        ("../../etc/passwd", 400), ("lib/../README.md", 400), ("%2e%2e/README.md", 400), ("lib%2F..%2F..%2Fx", 400), ("..%2f..%2fetc", 400),
        ("lib//x.py", 400), ("/lib/x.py", 400), ("./README.md", 400), ("lib/x.py%00.html", 400), ("lib/x.py%0A", 400), ("%zz", 400),
        ("%ff", 400),
        ("%252e%252e/README.md", 404), ("lib%252Fx.py", 404), ("lib\\x.py", 404), ("lib/x.py/", 404), ("lib/x.py/more", 404),
        ("LIB/x.py", 404),
        ("no", 404), ("", 200), ("lib%2Fx.py", 200), ("lib/", 200), ("100%25.txt", 200), ("a%252Fb", 200), ("a%2Fb", 404),
        (String(repeating: "a/", count: 3000) + "a", 400), (String(repeating: "%2e%2e%2f", count: 1000), 400),
    ])
    func `never leave their resource`(_ path: String, _ status: Int) {
        for locator in ["acme/tools:1.2.0", "acme/tools@\(record.manifestDigest)"] {
            let answer = get("/r/\(locator)/\(path)")
            #expect(answer.status == status, "\(path): \(answer.status) \(answer.message ?? "")")
            if status == 404 { #expect(answer.code == "NOT_FOUND" && answer.message?.hasPrefix("There is no file or folder") == true) }
        }
    }

    @Test func `have the longest locator that there is, and a missing file is not looked for in a shorter one`() throws {
        try put(calls.store, "acme/tools/lib:1.0.0", ["x.py": [1], "y.py": [2]])
        #expect(get("/r/acme/tools/lib/y.py").headers["Location"]?.hasPrefix("/r/acme/tools/lib@") == true)
        #expect(get("/r/acme/tools/lib/x.py").headers["Location"]?.hasPrefix("/r/acme/tools/lib@") == true)
        #expect(get("/r/acme/tools/lib/data.bin").code == "NOT_FOUND")
        #expect(get("\(pin)/lib/x.py").content == Array("x = 1\n".utf8), "a pinned name has one reading")
        // What reads like a host is a part of the path, and a port is none.
        try put(calls.store, "team.x/notes:1.0.0", ["a": [7]])
        #expect(get("/r/team.x/notes:1.0.0/a").status == 404, "it was put under another registry")
        try put(calls.store, "lib:1.0.0", ["x.py": [9]])
        for path in ["tools:1/lib/x.py", "host.example/lib:1.0.0/x.py", "localhost:5000/lib:1.0.0/x.py"] {
            #expect(get("/r/\(path)").code == "RESOURCE_NOT_FOUND", "\(path)")
        }
    }

    @Test func `say what is wrong`() throws {
        #expect(get("/r/").code == "LOCATOR_REQUIRED")
        #expect(get("/r/nobody/nothing/x").code == "RESOURCE_NOT_FOUND")
        #expect(get("/r/acme/tools:9.9.9/x").code == "RESOURCE_NOT_FOUND")
        #expect(get("/r/acme/tools@sha256:abc/x").code == "INVALID_LOCATOR")
        #expect(get("/r/a;b/x").code == "INVALID_LOCATOR")
        #expect(get("\(pin)/no/such").message == "There is no file or folder \"no/such\" in acme/tools@\(record.manifestDigest)")
        #expect(get("\(pin)/lib/?after=a&after=b").code == "INVALID_QUERY")
    }

    @Test func `of another repository are not seen through this one`() throws {
        let secret = try put(calls.store, "secret/plans:1.0.0", ["plan.txt": Array("plan".utf8)])
        for digest in [secret.manifestDigest, secret.tree, sha256(Array("plan".utf8))] {
            #expect(get("/r/acme/tools@\(digest)/plan.txt").status == 404, "\(digest)")
        }
        #expect(get("/r/acme/tools@\(sha256(Array("x = 1\n".utf8)))/lib/x.py").status == 404, "nor a blob for a manifest")
        #expect(try calls.store.remove(registry: "", repository: "acme/tools", selector: .tag("1.2.0")).count == 1)
        _ = try calls.store.collect(dryRun: false, leaseTime: 0)
        #expect(get("\(pin)/lib/x.py").code == "RESOURCE_NOT_FOUND", "what is kept in memory goes with the resource")
    }

    @Test func `of a foreign artifact are its layers`() throws {
        let layer = Array("layer".utf8)
        let text =
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x","#
            + #""config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(ResourceManifest.emptyConfigDigest)","size":2},"#
            + #""layers":[{"mediaType":"text/plain","digest":"\#(sha256(layer))","size":5,"#
            + #""annotations":{"org.opencontainers.image.title":"notes.txt"}}]}"#
        let operation = try calls.store.begin()
        for bytes in [ResourceManifest.emptyConfig, layer] { _ = try operation.stage(BytesSource(bytes), expecting: nil) }
        let artifact = try Artifact(parsing: Array(text.utf8), mediaType: nil, repository: "x")
        _ = try operation.commit([artifact], as: Reference(repository: "team/x", tag: "1.0.0"), names: [:])
        let list = get("/r/team/x:1.0.0/", ["Accept": "application/json"]).json
        let names = try #require(list?["entries"]?.array).compactMap { $0["name"]?.string }
        #expect(names == ["notes.txt"])
        #expect(get("/r/team/x:1.0.0/notes.txt").content == layer)
    }

    /// A shelf of one resource that counts how often a file was asked for.
    private final class CountingShelf: RawShelf {
        let opened = Mutex(0)
        let resource: RawResource

        init(_ resource: RawResource) { self.resource = resource }

        func resource(_ locator: Locator) throws -> RawResource? { locator.repository == "acme/tools" ? resource : nil }

        func body(of file: ResourceFile, in resource: RawResource) throws -> HTTPResponse.Body {
            opened.withLock { $0 += 1 }
            return .bytes(Array("x = 1\n".utf8))
        }
    }

    @Test func `come from any shelf, below any prefix, and only those that are sent are opened`() throws {
        let tree = ResourceTree(try calls.store.manifest(of: record))
        let shelf = CountingShelf(RawResource(locator: record.reference.locator, digest: record.manifestDigest, tree: tree))
        func answer(_ rest: String, _ headers: HTTPHeaders = [:]) throws -> HTTPResponse {
            try shelf.answer(to: HTTPRequest(method: "GET", target: "/TOKEN/r/\(rest)", headers: headers), rest: rest)
        }
        let moved = try answer("acme/tools/lib/x.py")
        #expect(moved.status == 302 && moved.headers["Location"] == "/TOKEN\(pin)/lib/x.py")
        let pinned = "acme/tools@\(record.manifestDigest)"
        let tag = "\"\(sha256(Array("x = 1\n".utf8)))\""
        #expect(try answer("\(pinned)/lib/x.py", ["If-None-Match": tag]).status == 304)
        #expect(try answer("\(pinned)/lib/", ["Accept": "application/json"]).status == 200)
        #expect(throws: RegistryError.self) { try answer("\(pinned)/no") }
        #expect(shelf.opened.withLock { $0 } == 0)
        #expect(try answer("\(pinned)/lib/x.py", ["Range": "bytes=0-0"]).content == Array("x".utf8))
        #expect(shelf.opened.withLock { $0 } == 1)
    }

    /// A body that must not be asked for.
    private final class UnwantedBody: BodyProducer {
        func produce(into sink: any ByteSink) throws { Issue.record("a body was made that nobody gets") }
    }

    @Test func `that are made while they are sent have no parts, and are not made for who has them`() {
        let tag = EntityTag("x")
        func answer(_ headers: HTTPHeaders) -> HTTPResponse {
            HTTPResponse.ranged(
                .stream(UnwantedBody(), length: 10), tag: tag, headers: [:], to: HTTPRequest(method: "GET", target: "/", headers: headers),
                what: "file")
        }
        let known = answer(["If-None-Match": "\"x\""])
        #expect(known.status == 304)
        if case .empty = known.body {} else { Issue.record("a 304 has a body that would be made") }
        let part = answer(["Range": "bytes=0-1"])
        #expect(part.status == 200 && part.body.count == 10 && part.headers["Content-Range"] == nil)
    }

    @Test func `of a tree that two manifests have are those of the newest, and no cache keeps them`() throws {
        // A symlink's blob is its target's text.
        let plain = [try file("a", "b"), try file("b", "text")]
        let linked = [try file("a", "b", symlink: "b"), try file("b", "text")]
        var trees: [String] = []
        for (tag, files) in [("1.0.0", plain), ("2.0.0", linked)] {
            let operation = try calls.store.begin()
            for text in ["b", "text"] { _ = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil) }
            let record = try operation.commit(
                ResourceManifest(definition: definition("twins"), files: files), as: Reference(repository: "twins", tag: tag))
            trees.append("\(record.tree)")
            let answer = get("/r/twins@\(record.tree)/a")
            #expect(answer.status == 302 && answer.headers["Location"] == "/r/twins@\(record.manifestDigest)/a")
            #expect(answer.headers["Cache-Control"] == "public, max-age=60")
        }
        #expect(trees[0] == trees[1])
        #expect(text("/r/twins:1.0.0/a") == "b" && text("/r/twins:2.0.0/a") == "text")
    }

    @Test func `of an index change with the manifests beside it, and no cache keeps them`() throws {
        func put(_ text: String, type: String, as name: String) -> Int {
            calls.call("PUT", "/v2/img/manifests/\(name)", ["Content-Type": type], body: Array(text.utf8)).status
        }
        let layer = Array("layer".utf8)
        for blob in [layer, ResourceManifest.emptyConfig] {
            #expect(calls.call("POST", "/v2/img/blobs/uploads/?digest=\(sha256(blob))", body: blob).status == 201)
        }
        let empty = #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(ResourceManifest.emptyConfigDigest)","size":2}"#
        let image =
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x","config":\#(empty),"#
            + #""layers":[{"mediaType":"text/plain","digest":"\#(sha256(layer))","size":5,"annotations":{"org.opencontainers.image.title":"f"}}]}"#
        #expect(put(image, type: "application/vnd.oci.image.manifest.v1+json", as: "1.0.0") == 201)
        let child =
            #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(sha256(Array(image.utf8)))","size":\#(image.utf8.count),"#
        let index =
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(child)"platform":{"os":"linux","architecture":"arm64"}}]}"#
        #expect(put(index, type: "application/vnd.oci.image.index.v1+json", as: "2.0.0") == 201)
        for name in ["img:2.0.0", "img@\(sha256(Array(index.utf8)))"] {
            let list = get("/r/\(name)/", ["Accept": "application/json"])
            #expect(list.status == 200 && list.headers["Cache-Control"] == "public, max-age=60", "\(name)")
            #expect(get("/r/\(name)/linux-arm64/f").content == layer, "\(String(decoding: list.content, as: UTF8.self))")
            #expect(get("/r/\(name)/linux-arm64/f").headers["Cache-Control"] == "public, max-age=60")
            let folder = get("/r/\(name)/linux-arm64")
            #expect(folder.status == 302 && folder.headers["Cache-Control"] == "public, max-age=60")
        }
        #expect(get("/r/img:1.0.0/f").headers["Cache-Control"] == "public, max-age=60", "an image's layers may go, too")
    }
}
