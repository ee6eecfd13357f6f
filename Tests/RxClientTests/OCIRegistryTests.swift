import Foundation
import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxClient

/// The client of registries that have `/v2/` alone.
@Suite struct `The client of an OCI registry` {
    let home: TemporaryFolder
    let other: TemporaryFolder
    let registry = FakeDistribution()

    init() throws {
        home = try TemporaryFolder()
        other = try TemporaryFolder()
    }

    func client(_ folder: TemporaryFolder? = nil) throws -> Client {
        try Client(home: (folder ?? home).path, environment: "http://a.test", transport: registry.transport)
    }

    func locator(_ text: String) throws -> Locator { try Locator(parsing: text) }

    @discardableResult
    func push(_ files: [String: String] = ["content": "hello", "twin": "hello", "x": "y"], tag: String = "1") throws -> ResourceRecord {
        let client = try client()
        let record = try put(files, definition("hello", ["path": "team", "tag": .string(tag)]), in: client.store)
        _ = try client.push(record.reference.locator, to: nil)
        return record
    }

    /// Puts an image of others: a config and a layer with a title.
    @discardableResult
    func pushImage(_ name: String, tag: String? = "1", _ content: String = "layer", subject: Digest? = nil) -> Digest {
        let config = registry.blob(Array("{\"os\":\"\(content)\"}".utf8), "application/vnd.oci.image.config.v1+json", in: name)
        let layer = registry.blob(Array(content.utf8), "application/octet-stream", in: name, title: "a/\(content).txt")
        let subject = subject.map { digest -> JSON in
            .members(["mediaType": .string(MediaType.imageManifest), "digest": .string(digest.description), "size": 1])
        }
        let manifest = JSON.members([
            "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": config, "layers": [layer], "unknown": "kept",
            "subject": subject,
        ])
        return registry.put(manifest, MediaType.imageManifest, in: name, tag: tag)
    }

    @Test func `finds out once what a registry has, and remembers it`() throws {
        try push()
        #expect(registry.asked.prefix(2) == ["POST a.test/api/v1/blobs", "GET a.test/v2/"])
        let count = registry.asked.count { $0.contains("/api/v1/") }
        #expect(count == 1)
        let record = try client().pull(locator("a.test/team/hello:1"), from: nil)
        #expect(record.reference.description == "a.test/team/hello:1")
        #expect(registry.asked.count { $0.contains("/api/v1/") } == 1, "another process of this home knows it")
        _ = try client(other).pull(locator("a.test/team/hello:1"), from: nil)
        #expect(registry.asked.count { $0.contains("/api/v1/") } == 2)
        try other.write("cache/registries.json", "broken")
        _ = try client(other).pull(locator("a.test/team/hello:1"), from: nil)
        #expect(registry.asked.count { $0.contains("/api/v1/") } == 3, "what cannot be read is forgotten")
    }

    @Test func `asks rx's own calls again when the note was of another time`() throws {
        let rx = try FakeRegistry()
        let client = try Client(home: home.path, environment: "http://a.test", transport: rx.transport())
        client.faces.note(.rx, for: try client.registry(nil))
        try push()
        #expect(registry.repository("a.test/team/hello")?.tags["1"] != nil, "a registry that is no rx registry any more is noticed")
    }

    @Test func `refuses no name for what a registry was an hour ago`() throws {
        let rx = try FakeRegistry()
        let client = try Client(home: home.path, environment: "http://a.test", transport: rx.transport())
        client.faces.note(.distribution, for: try client.registry(nil))
        try put(["content": "x"], definition("Hello"), in: client.store)
        let error = #expect(throws: (any Error).self) { try client.push(try locator("Hello"), to: nil) }
        #expect((error as? any ResourceError)?.message.contains("stored Hello with") == true, "it was sent")
        #expect(client.faces.face(of: try client.registry(nil)) == .rx)
    }

    @Test(arguments: [(200, "text/html; charset=utf-8"), (404, "text/plain")]) func `takes no web site for a registry`(
        _ status: Int, _ type: String
    ) throws {
        let site = RecordedTransport { _ in
            RecordedTransport.Answer(status: status, headers: ["Content-Type": type], body: Array("<html>hello</html>".utf8))
        }
        let client = try Client(home: home.path, environment: "http://a.test", transport: site)
        let error = #expect(throws: RegistryError.self) { try client.pull(locator("a.test/team/hello:1"), from: nil) }
        #expect(error?.message.contains("has no /v2/") == true && error?.code == .invalidAnswer)
        #expect(throws: RegistryError.self) { try client.login("a.test", user: "u", password: "p") }
        #expect(!FileManager.default.fileExists(atPath: home.path + "/credentials.json"))
    }

    @Test func `a registry that is busy for the moment has not said what it is`() throws {
        let busy = RecordedTransport { asked in
            asked.url.hasSuffix("/v2/")
                ? RecordedTransport.Answer(status: 429, headers: ["Retry-After": "864000"]) : RecordedTransport.Answer(status: 404)
        }
        let client = try Client(home: home.path, environment: "http://a.test", transport: busy)
        let error = #expect(throws: RegistryError.self) { try client.pull(locator("a.test/team/hello:1"), from: nil) }
        #expect(error?.code.status == 429 && error?.message.contains("has no /v2/") == false, "\(error?.message ?? "")")
    }

    @Test func `sends only what the registry lacks`() throws {
        let record = try push()
        #expect(registry.uploads == 3, "two contents and the config, each once")
        let held = try #require(registry.repository("a.test/team/hello"))
        #expect(held.tags["1"] == record.manifestDigest.description, "the manifest is the local one")
        let before = registry.asked.count
        try push()
        #expect(registry.asked.count == before + 1, "what is unchanged costs one question: \(registry.asked.dropFirst(before))")
        try push(["content": "hello", "new": "z"], tag: "2")
        #expect(registry.uploads == 4)
    }

    @Test func `refuses a name that the registry does not take, and says why`() throws {
        let client = try client()
        try put(["content": "x"], definition("Hello"), in: client.store)
        let error = #expect(throws: RegistryError.self) { try client.push(try locator("Hello"), to: nil) }
        #expect(error?.code == .nameInvalid && error?.message.contains("lower-case") == true)
        #expect(error?.hint?.contains("rx copy Hello hello") == true)
        #expect(registry.uploads == 0)
        #expect(registry.asked.count == 2, "only what tells what the registry is")
        let absent = #expect(throws: RegistryError.self) { try client.pull(try locator("a.test/Hello"), from: nil) }
        #expect(absent?.code == .resourceNotFound)
    }

    @Test func `finds a digest of any kind under its tag`() throws {
        let record = try push()
        for digest in [record.tree, record.manifestDigest] {
            let found = try client(other).pull(locator("a.test/team/hello:1@\(digest)"), from: nil)
            #expect(found.manifestDigest == record.manifestDigest)
        }
        let wrong = #expect(throws: RegistryError.self) { try client().pull(try locator("a.test/team/hello:1@\(sha256([9]))"), from: nil) }
        #expect(wrong?.code == .resourceNotFound)
        let absent = #expect(throws: RegistryError.self) { try client().pull(try locator("a.test/team/hello"), from: nil) }
        #expect(absent?.hint?.contains("1") == true, "the hint names the tags: \(absent?.hint ?? "")")
    }

    @Test func `uses the copy while it is current, or nobody answers`() throws {
        let record = try push()
        let name = try locator("a.test/team/hello:1")
        let bob = try client(other)
        let copy = try bob.find(name)
        let before = registry.asked.count
        #expect(try bob.find(name) == copy)
        #expect(registry.asked.count == before + 1, "one question when the copy is current")
        #expect(try bob.find(name.pinned(to: record.tree)) == copy)
        #expect(registry.asked.count == before + 1, "a pinned digest that is here asks nobody")
        let offline = try Client(home: other.path, environment: nil, transport: RecordedTransport.unreachable)
        #expect(try offline.find(name) == copy)
        try push(["content": "new"])
        #expect(try bob.find(name).tree != copy.tree, "what has moved is fetched again")
    }

    @Test func `stores nothing when a blob is not what its digest says`() throws {
        let record = try push()
        let digest = sha256(Array("hello".utf8)).description
        for bytes in [Array("jello".utf8), Array("hell".utf8), Array("hello!".utf8)] {
            registry.change("a.test/team/hello") { $0.blobs[digest] = bytes }
            let bob = try client(other)
            #expect(throws: (any Error).self) { try bob.pull(try locator("a.test/team/hello:1"), from: nil) }
            #expect(try bob.store.search(SearchQuery()).total == 0)
            #expect(try bob.store.collect(dryRun: true, leaseTime: 0).deleted == CollectionReport().deleted)
        }
        registry.change("a.test/team/hello") { $0.manifests[record.manifestDigest.description]?.bytes += Array(" ".utf8) }
        #expect(throws: (any Error).self) { try client(other).pull(try locator("a.test/team/hello:1"), from: nil) }
    }

    @Test func `keeps artifacts of other kinds byte for byte`() throws {
        let digest = pushImage("a.test/art/one")
        let client = try client()
        let described = try client.describe(locator("a.test/art/one:1"), at: nil)
        #expect(described.files.map(\.path.text) == ["a/layer.txt"])
        #expect(try client.store.search(SearchQuery()).total == 0, "nothing is fetched to describe it")
        let record = try client.pull(locator("a.test/art/one:1"), from: nil)
        #expect(record.manifestDigest == digest && record.definition.type == "oci" && !record.isResource)
        #expect(record.artifactType == "application/vnd.oci.image.config.v1+json")
        let files = try client.store.manifest(of: record).files
        #expect(files == described.files)
        #expect(try text(files[0].digest, in: client.store) == "layer")
        _ = try client.push(locator("a.test/art/one:1"), to: "b.test")
        let held = try #require(registry.repository("b.test/art/one"))
        #expect(held.tags["1"] == digest.description, "unknown members and all")
    }

    @Test func `sizes that cannot be are no sum that ends the program`() throws {
        let name = "a.test/team/huge"
        let config = registry.blob(Array("{}".utf8), MediaType.emptyConfig, in: name)
        let layers = ["1", "2"].map { text -> JSON in
            .members([
                "mediaType": "a/b", "digest": .string(sha256(Array(text.utf8)).description), "size": .integer(.max),
            ])
        }
        registry.put(
            .members([
                "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": config, "layers": .array(layers),
            ]), MediaType.imageManifest, in: name, tag: "1")
        let error = #expect(throws: RegistryError.self) { try client().pull(locator("\(name):1"), from: nil) }
        #expect(error?.code == .blobUnknown)
        #expect(try client().describe(locator("\(name):1"), at: nil).record.size == .max)
    }

    @Test func `takes an index with all its manifests, and blobs by other digests`() throws {
        let name = "a.test/art/multi"
        let one = pushImage(name, tag: nil, "one")
        let hasher = SHA512Hasher()
        Array("long".utf8).withUnsafeBytes { hasher.update($0) }
        let layer = registry.blob(Array("long".utf8), "text/plain", in: name, title: "long", digest: hasher.finish().description)
        let config = registry.blob(Array("{}".utf8), MediaType.emptyConfig, in: name)
        let two = registry.put(
            .members(["schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": config, "layers": [layer]]),
            MediaType.imageManifest, in: name)
        let children = [one, two].map { digest -> JSON in
            .members(["mediaType": .string(MediaType.imageManifest), "digest": .string(digest.description), "size": 1])
        }
        let index = registry.put(
            .members(["schemaVersion": 2, "mediaType": .string(MediaType.imageIndex), "manifests": .array(children)]), MediaType.imageIndex,
            in: name, tag: "1")
        let client = try client()
        let record = try client.pull(locator("a.test/art/multi:1"), from: nil)
        #expect(record.manifestDigest == index)
        let files = try client.store.manifest(of: record).files
        #expect(files.count == 2)
        #expect(try files.map { try text($0.digest, in: client.store) }.sorted() == ["long", "one"])
        registry.change(name) { $0.manifests[one.description] = nil }
        let error = #expect(throws: RegistryError.self) { try self.client(other).pull(try locator("a.test/art/multi:1"), from: nil) }
        #expect(error?.code == .manifestUnknown)
    }

    @Test func `a few indexes that list each other very often are looked into up to a limit`() throws {
        let name = "a.test/art/bomb"
        var (listed, type) = (pushImage(name, tag: nil), MediaType.imageManifest)
        for depth in 0..<5 {
            let children = (0..<10).map { number -> JSON in
                .members([
                    "mediaType": .string(type), "digest": .string(listed.description), "size": 1,
                    "platform": .object(["os": "x", "architecture": .string("\(number)")]),
                ])
            }
            type = MediaType.imageIndex
            let index = JSON.members(["schemaVersion": 2, "mediaType": .string(type), "manifests": .array(children)])
            listed = registry.put(index, type, in: name, tag: "\(depth)")
        }
        let client = try client()
        #expect(try client.describe(locator("\(name):1"), at: nil).files.count == 100)
        let before = registry.asked.count
        let error = #expect(throws: ContentError.self) { try client.describe(locator("\(name):4"), at: nil) }
        #expect(error?.code == .contentTooLarge && registry.asked.count - before < 10_100)
        let record = try client.pull(locator("\(name):4"), from: nil)
        #expect(throws: ContentError.self) { try client.store.manifest(of: record) }
    }

    @Test func `refuses what claims to be a resource and is none`() throws {
        let record = try push()
        let held = try #require(registry.repository("a.test/team/hello")?.manifests[record.manifestDigest.description])
        let text = String(decoding: held.bytes, as: UTF8.self)
        for (from, to) in [(record.tree.hex, sha256([1]).hex), ("dev.rx.definition", "dev.rx.other"), ("\"content\"", "\"../content\"")] {
            let json = try JSON(parsing: text.replacing(from, with: to))
            registry.put(json, MediaType.imageManifest, in: "a.test/team/hello", tag: "bad")
            let bob = try client(other)
            #expect(throws: (any Error).self, "\(to)") { try bob.pull(try locator("a.test/team/hello:bad"), from: nil) }
            #expect(try bob.store.search(SearchQuery()).total == 0)
        }
    }
}
