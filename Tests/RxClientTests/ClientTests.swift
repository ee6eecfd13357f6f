import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `The client` {
    let home: TemporaryFolder
    let locator: Locator

    init() throws {
        home = try TemporaryFolder()
        locator = try Locator(parsing: "team/hello:1")
    }

    func client(_ transport: RecordedTransport, _ environment: String? = "http://a.test") throws -> Client {
        try Client(home: home.path, environment: environment, transport: transport)
    }

    func stored(_ client: Client) throws -> Int { try client.store.search(SearchQuery()).total }

    @Test func `pulls once, finds the copy again by one question, and never asks for a pinned one`() throws {
        let registry = try FakeRegistry()
        let transport = registry.transport()
        let client = try client(transport)
        let record = try client.pull(locator, from: nil)
        #expect(record.reference.description == "a.test/team/hello:1")
        #expect(record.manifestDigest == registry.manifest.digest)
        #expect(transport.asked.count == 2, "a description and the content")
        #expect(try client.find(record.reference.locator) == record)
        #expect(transport.asked.count == 3, "one question when the copy is current")
        #expect(try client.find(record.reference.locator.pinned(to: record.tree)) == record)
        #expect(try client.find(record.reference.locator.pinned(to: record.manifestDigest)) == record)
        #expect(transport.asked.count == 3, "a pinned digest that is here asks nobody")
        _ = try client.pull(locator, from: nil)
        #expect(transport.asked.count == 4, "what is here already is not fetched again")
    }

    @Test func `uses the copy when nobody answers, and says so only when there is none`() throws {
        let client = try client(try FakeRegistry().transport())
        let record = try client.pull(locator, from: nil)
        let offline = try Client(home: home.path, environment: "http://a.test", transport: RecordedTransport.unreachable)
        #expect(try offline.find(record.reference.locator) == record)
        #expect(try offline.find(locator) == record, "a bare locator goes through the same registry")
        let error = #expect(throws: RegistryError.self) { try offline.find(try Locator(parsing: "other")) }
        #expect(error?.code == .unreachable)
    }

    /// Each lie, and a word of the message.
    static let lies: [(String, String, @Sendable (JSON) -> JSON)] = [
        ("another name", "with other/hello", { $0.with("locator", "other/hello:1").with("path", "other") }),
        ("another tag", "with tag 2", { $0.with("locator", "team/hello:2").with("tag", "2") }),
        ("another tree digest", "do not have the digest", { $0.with("digest", .string(sha256([1]).description)) }),
        ("another manifest digest", "do not have the digest", { $0.with("manifestDigest", .string(sha256([1]).description)) }),
        ("no files", "without its files", { $0.with("files", nil).with("definition", nil) }),
        ("a file that leaves the root", "leaves the root", { $0.with("files", .object(["path": "../x"])) }),
        ("a symlink that leaves the root", "leaves the root", { $0.with("files", .object(["symlink": "/etc/passwd"])) }),
        ("no digest", "digest", { $0.with("digest", nil) }),
    ]

    @Test(arguments: lies.indices) func `stores nothing when a registry lies about`(_ index: Int) throws {
        let (name, words, lie) = `The client`.lies[index]
        let transport = try FakeRegistry().transport { path, answer in
            path.hasPrefix("/api/v1/resource/") ? .json(200, lie(try JSON(parsing: answer.body))) : answer
        }
        let client = try client(transport)
        let error = #expect(throws: (any Error).self, "\(name)") { try client.pull(locator, from: nil) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(words), "\(name): \(String(describing: error))")
        #expect(try stored(client) == 0)
        #expect(try client.store.collect(dryRun: true, leaseTime: 0).deleted == CollectionReport().deleted, "\(name) leaves nothing behind")
    }

    @Test func `stores nothing when the content is not what was described`() throws {
        let other = try FakeRegistry(["content": "jello"]).archive
        let more = try FakeRegistry(["content": "hello", "x": "y"]).archive
        for (name, body, cut) in [
            ("other", other, nil), ("more", more, nil), ("none", [], nil), ("half", try FakeRegistry().archive, 30 as Int?),
        ] {
            let transport = try FakeRegistry().transport { path, answer in
                path.hasPrefix("/api/v1/content/") ? RecordedTransport.Answer(body: body, cutAt: cut) : answer
            }
            let client = try client(transport)
            #expect(throws: (any Error).self, "\(name)") { try client.pull(locator, from: nil) }
            #expect(try stored(client) == 0)
            #expect(
                try client.store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted,
                "\(name) leaves nothing behind")
        }
    }

    @Test func `asks the registries in order, the default one first, and no other`() throws {
        let transport = RecordedTransport { asked in
            asked.url.hasPrefix("http://localhost:3") ? try FakeRegistry().transport().answer(asked) : FakeRegistry.notFound
        }
        try ClientConfiguration.update(home: home.path) { configuration in
            for port in 1...3 { try configuration.add("r\(port)", url: "http://localhost:\(port)") }
            try configuration.setDefault("r2")
        }
        let client = try client(transport, nil)
        #expect(try client.find(locator).reference.registry == "localhost:3")
        let hosts = transport.asked.map { $0.url.prefix("http://localhost:0".count) }
        #expect(hosts.prefix(3) == ["http://localhost:2", "http://localhost:1", "http://localhost:3"])
        let silent = RecordedTransport { _ in FakeRegistry.notFound }
        #expect(throws: RegistryError.self) { try self.client(silent, "").find(try Locator(parsing: "nobody/knows")) }
        #expect(silent.asked.isEmpty, "an empty RX_REGISTRY means that no name ever leaves this machine")
        #expect(throws: RegistryError.self) { try self.client(silent, "").pull(try Locator(parsing: "nobody/knows"), from: nil) }
        #expect(silent.asked.isEmpty)
    }

    @Test func `pushes what it has and checks the receipt`() throws {
        let registry = try FakeRegistry()
        let transport = registry.transport()
        let client = try client(transport)
        try put(["content": "hello"], registry.manifest.definition, in: client.store)
        let (url, receipt) = try client.push(locator, to: nil)
        #expect(url.description == "http://a.test" && receipt.digest == registry.manifest.tree)
        let asked = try #require(transport.asked.last)
        #expect(asked.parts["locator"].map { String(decoding: $0, as: UTF8.self) } == "team/hello:1")
        #expect(asked.parts["manifest"] == registry.manifest.definition.json.canonical)
        #expect(try asked.parts["content"] == registry.archive, "the archive is the deterministic one")
        let lying = try FakeRegistry(["content": "other"]).transport()
        let error = #expect(throws: RegistryError.self) {
            try Client(home: home.path, environment: "http://a.test", transport: lying).push(locator, to: nil)
        }
        #expect(error?.code == .digestInvalid)
        #expect(throws: RegistryError.self) { try client.push(try Locator(parsing: "nothing"), to: nil) }
    }

    @Test func `passes on what a registry says, and tells an answer that is none`() throws {
        let refusing = RecordedTransport { _ in .json(413, .members(["error": "too large", "code": "CONTENT_TOO_LARGE", "hint": "less"])) }
        let error = #expect(throws: RegistryError.self) { try client(refusing).pull(locator, from: nil) }
        #expect(error?.message == "too large" && error?.code.wire == "CONTENT_TOO_LARGE" && error?.hint == "less")
        let page = RecordedTransport { _ in RecordedTransport.Answer(status: 404, body: Array("<html>".utf8)) }
        #expect(throws: RegistryError.self) { try client(page).pull(locator, from: nil) }
        let words = RecordedTransport { _ in RecordedTransport.Answer(body: Array("hello".utf8)) }
        let none = #expect(throws: RegistryError.self) { try client(words).pull(locator, from: nil) }
        #expect(none?.code == .invalidAnswer)
    }

    @Test func `names registries by configured name, by address, or by the locator's host`() throws {
        try ClientConfiguration.update(home: home.path) { try $0.add("team", url: "https://registry.test/base") }
        let client = try client(RecordedTransport.unreachable, nil)
        #expect(try client.registry("team").description == "https://registry.test/base")
        #expect(try client.registry("localhost:9").description == "http://localhost:9")
        #expect(try client.registry("registry.other").description == "https://registry.other")
        #expect(try client.registry(forHost: "registry.test").base == "/base", "the configured address of a host is used")
        #expect(throws: RegistryError.self) { try client.registry("unknown") }
        let none = #expect(throws: RegistryError.self) { try self.client(RecordedTransport.unreachable, "").registry(nil) }
        #expect(none?.message == "No registry configured. Use: rx registry add <name> <url>  or  rx config set registry <url>")
    }
}

extension JSON {
    /// The object with one member replaced, or removed for nil. For `files`, an object replaces members of the first file.
    func with(_ key: String, _ value: JSON?) -> JSON {
        var members = object ?? [:]
        if key == "files", let value, let first = members["files"]?.array?.first {
            let changes = value.object ?? [:]
            members["files"] = .array([.object((first.object ?? [:]).merging(changes) { $1 })])
        } else {
            members[key] = value
        }
        return .object(members)
    }
}
