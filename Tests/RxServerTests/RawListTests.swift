import RxCrypto
import RxHTTP
import RxModel
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Lists of folders` {
    let calls: DirectCalls

    init() throws { calls = try DirectCalls() }

    func get(_ path: String, _ headers: HTTPHeaders = [:]) -> HTTPResponse { calls.call("GET", path, headers) }

    /// Puts a resource of files and symlinks.
    @discardableResult
    func put(_ files: [ResourceFile], as locator: String) throws -> ResourceRecord {
        let operation = try calls.store.begin()
        for file in files { _ = try operation.stage(BytesSource(Array((file.symlink ?? file.path.text).utf8)), expecting: file.digest) }
        let locator = try Locator(parsing: locator)
        return try operation.commit(ResourceManifest(definition: definition(locator.name), files: files), as: Reference(locator))
    }

    @Test func `are JSON for programs`() throws {
        let record = try put(
            [
                file("lib/a.py", "lib/a.py"), file("lib/run", "lib/run", executable: true), file("lib/sub/x", "lib/sub/x"),
                file("lib/to", "a.py", symlink: "a.py"), file("top", "top"),
            ], as: "tools:1.0.0")
        let answer = get("/r/tools:1.0.0/lib/", ["Accept": "application/json"])
        #expect(answer.status == 200 && answer.headers["Content-Type"] == "application/json")
        #expect(answer.headers["Cache-Control"] == `Raw files`.forever && answer.headers["Vary"] == "Accept")
        let digest = sha256(Array("lib/a.py".utf8))
        let expected = try JSON(
            parsing: """
                {"locator": "tools@\(record.manifestDigest)", "path": "lib/", "entries": [
                    {"name": "a.py", "type": "file", "size": 8, "digest": "\(digest)"},
                    {"name": "run", "type": "file", "size": 7, "digest": "\(sha256(Array("lib/run".utf8)))", "executable": true},
                    {"name": "sub", "type": "folder"},
                    {"name": "to", "type": "symlink", "size": 4, "digest": "\(sha256(Array("a.py".utf8)))", "symlink": "a.py"}]}
                """)
        #expect(answer.json == expected)
        #expect(get("/r/tools:1.0.0/", ["Accept": "application/json"]).json?["entries"]?.array?.count == 2)
        #expect(get("/r/tools:1.0.0/lib/to").content == Array("lib/a.py".utf8), "a symlink leads to its file")
        let tag = try #require(answer.headers["ETag"])
        #expect(get("/r/tools:1.0.0/lib/", ["Accept": "application/json", "If-None-Match": tag]).status == 304)
        #expect(get("/r/tools:1.0.0/lib/", ["If-None-Match": tag]).status == 200, "HTML is something else")
        for accept in ["text/html, application/json", "*/*", "text/html,application/xhtml+xml", ""] {
            #expect(get("/r/tools:1.0.0/lib/", ["Accept": accept]).headers["Content-Type"] == "text/html; charset=utf-8", "\(accept)")
        }
    }

    @Test func `have a slash at the end of their path`() throws {
        try put([file("lib/a", "lib/a"), file("link", "lib", symlink: "lib")], as: "tools:1.0.0")
        for (path, target) in [
            ("/r/tools:1.0.0", "/r/tools:1.0.0/"), ("/r/tools:1.0.0/lib?after=x", "/r/tools:1.0.0/lib/?after=x"),
            ("/r/tools:1.0.0/link", "/r/tools:1.0.0/link/"),
        ] {
            let answer = get(path)
            #expect(answer.status == 301 && answer.headers["Location"] == target && answer.headers["Cache-Control"] == `Raw files`.forever)
        }
        #expect(get("/r/tools:1.0.0/link/a").content == Array("lib/a".utf8))
        #expect(get("/r/tools:1.0.0/link/", ["Accept": "application/json"]).json?["entries"]?.array?.count == 1)
    }

    @Test func `mean nothing in HTML but names`() throws {
        let name = "<img src=x onerror=alert(1)>\"'&.txt"
        try put(
            [
                file("d/\(name)", "d/\(name)"), file("d/javascript:alert(1)", "d/javascript:alert(1)"), file("d/to", "<b>", symlink: "<b>"),
                file("d/<b>", "d/<b>"),
            ],
            as: "evil:1.0.0")
        let answer = get("/r/evil:1.0.0/d/", ["Accept": "text/html"])
        let page = String(decoding: answer.content, as: UTF8.self)
        #expect(answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'")
        #expect(!page.contains("<img") && !page.contains("<b>") && !page.contains("href=\"javascript:"), "\(page)")
        #expect(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;.txt"))
        #expect(page.contains("href=\"javascript%3Aalert%281%29\"") && page.contains("href=\"../\""))
        let link = PercentEncoding.encode(name)
        #expect(page.contains("href=\"\(link)\""))
        #expect(get("/r/evil:1.0.0/d/\(link)").content == Array("d/\(name)".utf8), "the link leads to the file")
        #expect(get("/r/evil:1.0.0/d/\(link)").headers["Content-Type"] == "text/plain; charset=utf-8")
    }

    @Test func `come in pages however many names there are`() throws {
        let count = FolderList.entryLimit * 2 + 5
        let files = try (0..<count).map { try file("big/f\(1_000_000 + $0)", "x") } + [file("z", "x")]
        let operation = try calls.store.begin()
        _ = try operation.stage(BytesSource(Array("x".utf8)), expecting: nil)
        _ = try operation.commit(
            ResourceManifest(definition: definition("huge"), files: files), as: Reference(repository: "huge", tag: "1.0.0"))
        var names: [String] = []
        var next: String? = ""
        var pages = 0
        while let after = next {
            let answer = get("/r/huge:1.0.0/big/\(pages == 0 ? "" : "?after=\(after)")", ["Accept": "application/json"])
            names += try #require(answer.json?["entries"]?.array).compactMap { $0["name"]?.string }
            next = answer.json?["next"]?.string
            pages += 1
        }
        #expect(pages == 3 && names == (0..<count).map { "f\(1_000_000 + $0)" })
        let page = get("/r/huge:1.0.0/big/", ["Accept-Encoding": "gzip", "Accept": "application/json"])
        #expect(page.headers["Content-Encoding"] == "gzip" && page.headers["Vary"] == "Accept, Accept-Encoding")
        let html = String(decoding: get("/r/huge:1.0.0/big/").content, as: UTF8.self)
        #expect(html.contains("<a href=\"?after=f\(1_000_000 + FolderList.entryLimit - 1)\">more</a>"))
    }
}
