import RxCrypto
import RxHTTP
import RxLoader
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `A loader over a client` {
    let home: TemporaryFolder

    init() throws { home = try TemporaryFolder() }

    func client(_ transport: RecordedTransport) throws -> Client {
        try Client(home: home.path, environment: "http://a.test", transport: transport)
    }

    func loader(_ client: Client) -> Loader {
        var settings = Loader.Settings()
        settings.record = FileValues(folder: home.path + "/cache/bound")
        return Loader(local: client, remote: client, settings: settings)
    }

    @Test func `a loader binds what a client finds, and needs nobody the second time`() async throws {
        let registry = try FakeRegistry()
        let transport = registry.transport()
        let first = loader(try client(transport))
        let router = Router(unknown: first)
        for _ in 0..<3 { #expect(await router.get(Headers("/team%2Fhello:1")).body.text == "hello") }
        #expect(transport.asked.count == 2, "a description and the content")
        let bound = try #require(first.bindings.first)
        #expect(bound.locator.description == "a.test/team/hello:1")
        #expect(bound.digest == registry.manifest.digest)
        #expect(bound.uses == 3)
        // The next process, offline: with the record, and without it.
        let offline = try client(RecordedTransport.unreachable)
        #expect(await loader(offline).get(Headers("/team%2Fhello:1")).body.text == "hello")
        #expect(await Loader(local: offline, remote: offline).get(Headers("/team%2Fhello:1")).body.text == "hello")
        let pinned = "/team%2Fhello@\(registry.manifest.tree)"
        #expect(await Loader(local: offline, remote: nil).get(Headers(pinned)).body.text == "hello")
        let other = await loader(offline).get(Headers("/other"))
        #expect(other.condition == .unavailable)
    }

    @Test func `a moved tag is rebound from the registry`() async throws {
        let old = try FakeRegistry()
        let loader = loader(try client(old.transport()))
        #expect(await loader.get(Headers("/team%2Fhello:1")).body.text == "hello")
        #expect(await loader.refresh() == [])
        let new = try FakeRegistry(["content": "moved"])
        let moved = self.loader(try client(new.transport()))
        #expect(await moved.get(Headers("/team%2Fhello:1")).body.text == "hello", "by its record")
        #expect(await moved.refresh() == ["team/hello:1"])
        #expect(await moved.get(Headers("/team%2Fhello:1")).body.text == "moved")
        let again = self.loader(try client(RecordedTransport.unreachable))
        #expect(await again.get(Headers("/team%2Fhello:1")).body.text == "moved")
    }

    @Test func `the home's own resources come first, and are followed without asking anybody`() async throws {
        let client = try client(RecordedTransport.unreachable)
        func put(_ text: String) throws {
            let manifest = try ResourceManifest(definition: definition("mine", type: "text"), files: [file("content", text)])
            let operation = try client.store.begin()
            for bytes in [Array(text.utf8), ResourceManifest.emptyConfig] { _ = try operation.stage(BytesSource(bytes), expecting: nil) }
            _ = try operation.commit(manifest, as: Reference(repository: "mine", tag: "latest"))
        }
        try put("one")
        let loader = loader(client)
        #expect(await loader.get(Headers("/mine")).body.text == "one")
        try put("two")
        #expect(await loader.refresh() == ["mine"])
        #expect(await loader.get(Headers("/mine")).body.text == "two")
    }

    @Test func `a blob that was damaged in the store does not come out`() async throws {
        let client = try client(try FakeRegistry().transport())
        let loader = loader(client)
        _ = try client.pull(Locator(parsing: "team/hello:1"), from: nil)
        let path = try #require(try Files.tree(home.path + "/blobs").first { try Files.read($0) == Array("hello".utf8) })
        _ = try Files.replace(path, with: Array("HELLO".utf8))
        let reply = await loader.get(Headers("/team%2Fhello:1"))
        #expect(!reply.isGood)
        #expect(reply.body.isEmpty)
    }

    @Test func `a remote resource asks through the client's transport`() async throws {
        let transport = RecordedTransport { asked in
            #expect(asked.url == "http://there.test/x/values/a")
            return .json(200, .members(["headers": .object(["type": "json"]), "body": ["kept"]]))
        }
        let remote = RemoteResource("http://there.test/x", over: try client(transport))
        #expect(await remote.get(Headers("/values/a")).body.json == ["kept"])
        #expect(await remote.put(Headers("/values/a"), .json(1)).isGood)
        #expect(transport.asked.count == 2)
    }
}
