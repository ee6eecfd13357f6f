import RxHTTP
import RxModel
import RxProtocol
import RxTesting
import Testing

@Suite struct `Wire answers` {
    private let tree = Digest(hex: String(repeating: "a", count: 64))!
    private let manifest = Digest(hex: String(repeating: "b", count: 64))!

    private func info(files: [ResourceFile]? = nil) throws -> ResourceInfo {
        ResourceInfo(
            locator: try Locator(parsing: "p/q/hello:1.0"), digest: tree, manifestDigest: manifest, size: 5, fileCount: 1,
            createdAt: 1_767_323_045,
            updatedAt: 1_767_323_046, definition: try definition("hello", ["size": 7, "x-own": ["a"], "description": "d"]), files: files)
    }

    @Test func `about a resource have the definition's keys beside the registry's`() throws {
        let json = try info().json
        #expect(json["locator"] == "p/q/hello:1.0")
        #expect(json["path"] == "p/q")
        #expect(json["tag"] == "1.0")
        #expect(json["size"] == 5)
        #expect(json["createdAt"] == "2026-01-02T03:04:05Z")
        #expect(json["x-own"] == ["a"])
        #expect(json["files"] == nil)
        #expect(json["definition"] == nil)
    }

    @Test func `about a resource are read back`() throws {
        let read = try ResourceInfo(parsing: info().json.canonical)
        #expect(read.locator == (try info().locator))
        #expect(read.manifestDigest == manifest)
        #expect(read.createdAt == 1_767_323_045)
        #expect(read.definition.members["x-own"] == ["a"])
    }

    @Test func `with files carry the exact definition`() throws {
        let sent = try info(files: [file("a b", "x", executable: true), file("l", "a b", symlink: "a b")])
        #expect(try ResourceInfo(parsing: sent.json.canonical) == sent)
    }

    @Test(arguments: ["locator", "digest", "manifestDigest", "size", "fileCount", "createdAt", "updatedAt", "name", "type", "tag"])
    func `that lack a member are refused by its name`(key: String) throws {
        var members = try info().json.object!
        members[key] = nil
        let error = #expect(throws: RegistryError.self) { try ResourceInfo(parsing: JSON.object(members).canonical) }
        #expect(error?.message.contains(key) == true)
        #expect(error?.code == .invalidAnswer)
    }

    @Test(arguments: ["", "[]", "<html>", "null", "{\"results\":{}}", "{\"results\":[{}],\"total\":1}", "{\"results\":[],\"total\":-1}"])
    func `of another kind are refused`(text: String) {
        #expect(throws: RegistryError.self) { try SearchResults(parsing: Array(text.utf8)) }
        #expect(throws: RegistryError.self) { try ResourceInfo(parsing: Array(text.utf8)) }
        #expect(throws: RegistryError.self) { try PublishReceipt(parsing: Array(text.utf8)) }
        #expect(throws: RegistryError.self) { try WellKnown(parsing: Array(text.utf8)) }
    }

    @Test func `of a search, a publish and the well-known path are read back`() throws {
        let locator = try Locator(parsing: "hello")
        let results = SearchResults(
            results: [.init(locator: locator, type: "text", digest: tree, description: nil, updatedAt: 0)], total: 3)
        #expect(try SearchResults(parsing: results.json.canonical) == results)
        let receipt = PublishReceipt(locator: locator, digest: tree, manifestDigest: manifest)
        #expect(try PublishReceipt(parsing: receipt.json.canonical) == receipt)
        let known = WellKnown(registries: ["http://h/api/v1"])
        #expect(try WellKnown(parsing: known.json.canonical) == known)
    }

    @Test func `whose unknown members are many are read all the same`() throws {
        let json = JSON.object(
            PublishReceipt(locator: try Locator(parsing: "a"), digest: tree, manifestDigest: manifest).json.object!.merging(["later": 1]) {
                $1
            })
        #expect(try PublishReceipt(parsing: json.canonical).digest == tree)
    }

    @Test func `that are errors become errors`() throws {
        let body = try #require(ErrorBody(parsing: Array("{\"error\":\"e\",\"code\":\"C\",\"hint\":\"h\",\"x\":1}".utf8)))
        let error = body.failure(status: 418)
        #expect(error.message == "e" && error.hint == "h" && error.code.wire == "C" && error.code.status == 418)
        #expect(ErrorBody(parsing: Array("<html>".utf8)) == nil)
    }

    @Test func `have paths with the locator in one segment and without registry`() throws {
        #expect(Route.resource(try Locator(parsing: "h.x/p/n:t")) == "/api/v1/resource/p%2Fn%3At")
        #expect(Route.search("a b&", limit: 1, offset: 2) == "/api/v1/search?q=a%20b%26&limit=1&offset=2")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_767_323_045, "2026-01-02T03:04:05Z"),
        (4_102_444_799, "2099-12-31T23:59:59Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ])
    func `have times in one form`(seconds: Int, text: String) {
        #expect(Timestamp.text(seconds) == text)
        #expect(Timestamp.seconds(text) == seconds)
    }

    @Test(arguments: [
        "", "2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05.Z",
        "2026-01-02T25:04:05Z",
    ])
    func `have no other times`(text: String) { #expect(Timestamp.seconds(text) == nil) }
}
