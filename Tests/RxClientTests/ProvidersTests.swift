import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxClient

@Suite struct `Providers of a module` {
    let home: TemporaryFolder
    let module: ModuleName

    init() throws {
        home = try TemporaryFolder()
        module = try ModuleName(parsing: "node:@team/hello")
    }

    func client(_ transport: RecordedTransport, _ environment: String = "http://a.test") throws -> Client {
        try Client(home: home.path, environment: environment, transport: transport)
    }

    @Test func `are asked of the registry by one question`() throws {
        let registry = try FakeRegistry()
        let answer = Providers([
            .init(locator: registry.manifest.definition.locator, manifest: registry.manifest.digest, tree: registry.manifest.tree)
        ])
        let transport = registry.transport { path, other in path.hasPrefix("/api/v1/provides/") ? .json(200, answer.json) : other }
        let found = try client(transport).providers(of: module)
        let expected = Provider(
            locator: try Locator(parsing: "a.test/team/hello:1"), manifest: registry.manifest.digest, tree: registry.manifest.tree,
            isDeclared: true)
        #expect(found == [expected])
        #expect(transport.asked.map(\.url) == ["http://a.test/api/v1/provides/node/%40team%2Fhello"])
    }

    @Test func `the resource of a module's name comes with the answer that nobody says that he provides it`() throws {
        let registry = try FakeRegistry()
        let named = Providers.Provider(
            locator: registry.manifest.definition.locator, manifest: registry.manifest.digest, tree: registry.manifest.tree)
        for (namesake, count) in [(Providers.Namesake.some(named), 1), (.none, 0)] {
            let transport = registry.transport { path, other in
                path.hasPrefix("/api/v1/provides/") ? .json(200, Providers([], namesake: namesake).json) : other
            }
            let found = try client(transport).providers(of: module)
            #expect(found.count == count && found.allSatisfy { !$0.isDeclared && $0.manifest == named.manifest })
            #expect(transport.asked.count == 1)
        }
    }

    @Test func `the resource of a module's name stands in where nobody says that he provides it`() throws {
        let registry = try FakeRegistry()
        for answer in [RecordedTransport.Answer.json(200, Providers([]).json), FakeRegistry.notFound] {
            let transport = registry.transport { path, other in path.hasPrefix("/api/v1/provides/") ? answer : other }
            let found = try client(transport).providers(of: module)
            #expect(found.map(\.locator.description) == ["a.test/team/hello:1"] && found.allSatisfy { !$0.isDeclared })
            #expect(found.first?.manifest == registry.manifest.digest)
            #expect(try client(transport).providers(of: ModuleName(parsing: "python:nothing")).isEmpty)
            let count = transport.asked.count
            #expect(try client(transport).providers(of: ModuleName(parsing: "go:example.com/x")).isEmpty)
            #expect(transport.asked.count == count + 1, "a name that no resource can have is not asked for")
        }
    }

    @Test func `are asked of no other registry when the first cannot be asked or does not say`() throws {
        try home.write(
            "config.json",
            #"{"registries":[{"name":"a","url":"http://a.test"},{"name":"b","url":"http://b.test"}],"default":"a"}"#)
        for status in [401, 403] {
            let code = status == 401 ? "UNAUTHORIZED" : "DENIED"
            let transport = RecordedTransport { _ in .json(status, ErrorBody(error: "no", code: code).json) }
            let client = try Client(home: home.path, environment: nil, transport: transport)
            #expect(throws: RegistryError.self) { try client.providers(of: module) }
            #expect(!transport.asked.contains { $0.url.hasPrefix("http://b.test") }, "\(status)")
        }
        let down = RecordedTransport { throw RegistryError("Unable to connect to \($0.url)", code: .unreachable) }
        #expect(throws: RegistryError.self) { try Client(home: home.path, environment: nil, transport: down).providers(of: module) }
        #expect(!down.asked.isEmpty && !down.asked.contains { $0.url.hasPrefix("http://b.test") })
    }

    @Test func `are not asked of a registry that cannot answer`() throws {
        let error = #expect(throws: RegistryError.self) { try client(.unreachable).providers(of: module) }
        #expect(error?.code == .unreachable)
        #expect(try client(.unreachable, "").providers(of: module).isEmpty, "without a registry nobody is asked")
        let nonsense = RecordedTransport { _ in .json(200, .object(["providers": .array([.object(["locator": "x"])])])) }
        #expect(throws: RegistryError.self) { try client(nonsense).providers(of: module) }
    }

    @Test func `here are the home's own first, then copies, then by name`() throws {
        let client = try client(.unreachable)
        let provides: [String: JSON] = ["provides": .object(["node": ["@team/hello"]])]
        #expect(try client.localProviders(of: module).isEmpty)
        try put(["f": "0"], try definition("hello", ["path": "team"]), in: client.store, registry: "a.test")
        #expect(try client.localProviders(of: module).map { "\($0.locator) \($0.isDeclared)" } == ["a.test/team/hello false"])
        try put(["f": "1"], try definition("own", provides), in: client.store)
        try put(["f": "2"], try definition("copy", provides), in: client.store, registry: "a.test")
        #expect(try client.localProviders(of: module).map { "\($0.locator) \($0.isDeclared)" } == ["own true", "a.test/copy true"])
    }

    @Test func `a resource that says it provides something else does not stand in`() throws {
        let client = try client(.unreachable)
        try put(["f": "1"], try definition("hello", ["path": "team", "provides": .object(["python": ["hello"]])]), in: client.store)
        #expect(try client.localProviders(of: module).isEmpty)
        #expect(try client.localProviders(of: ModuleName(parsing: "python:hello")).count == 1)
    }
}
