import RxCrypto
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxClient

/// Tags, copies, referrers and searches of registries that have `/v2/` alone.
@Suite struct `Copies and tags` {
    let suite: `The client of an OCI registry`
    let client: Client

    var registry: FakeDistribution { suite.registry }

    init() throws {
        suite = try `The client of an OCI registry`()
        client = try suite.client()
    }

    func locator(_ text: String) throws -> Locator { try Locator(parsing: text) }

    @Test func `puts a tag without moving a blob`() throws {
        let record = try suite.push()
        let before = registry.asked.count
        let tagging = try client.tag(locator("a.test/team/hello:1"), as: "stable")
        #expect(tagging.reference.description == "a.test/team/hello:stable" && tagging.digest == record.manifestDigest)
        #expect(registry.asked.dropFirst(before).allSatisfy { $0.contains("/manifests/") })
        #expect(registry.repository("a.test/team/hello")?.tags["stable"] == record.manifestDigest.description)
        #expect(try client.tag(locator("a.test/team/hello:1"), as: "a.test/team/hello:2").reference.tag == "2")
        for text in ["a.test/team/other:2", "b.test/team/hello:2", "team/hello:2"] {
            let error = #expect(throws: RegistryError.self, "\(text)") { try client.tag(try locator("a.test/team/hello:1"), as: text) }
            #expect(error?.hint == "to copy it there: rx copy a.test/team/hello:1 \(text)")
        }
        #expect(throws: RegistryError.self) { try client.tag(try locator("a.test/team/none:1"), as: "2") }
    }

    @Test func `puts a tag in the local store`() throws {
        let record = try suite.push()
        #expect(try client.tag(locator("team/hello:1"), as: "stable").reference.description == "team/hello:stable")
        #expect(try client.local(locator("team/hello:stable"))?.manifestDigest == record.manifestDigest)
        #expect(try client.tag(locator("team/hello:1"), as: "team/hello:2.0").reference.tag == "2.0")
        #expect(throws: RegistryError.self) { try client.tag(try locator("team/hello:1"), as: "team/other:2") }
        #expect(throws: RegistryError.self) { try client.tag(try locator("team/hello:1"), as: "team/hello@\(record.tree)") }
        #expect(throws: RegistryError.self) { try client.tag(try locator("team/none:1"), as: "2") }
        // Another tag than the definition's is pushed as it is.
        _ = try client.push(locator("team/hello:stable"), to: nil)
        #expect(registry.repository("a.test/team/hello")?.tags["stable"] == record.manifestDigest.description)
    }

    @Test func `copies between registries without keeping anything here`() throws {
        let digest = suite.pushImage("a.test/art/one")
        let signature = suite.pushImage("a.test/art/one", tag: nil, "signature", subject: digest)
        let opinion = suite.pushImage("a.test/art/one", tag: nil, "opinion", subject: signature)
        let copying = try client.copy(locator("a.test/art/one:1"), to: locator("b.test/else/one:2"), referrers: false)
        #expect(copying.digest == digest && copying.manifests == 1 && copying.target.description == "b.test/else/one:2")
        #expect(registry.repository("b.test/else/one")?.tags == ["2": digest.description])
        #expect(registry.uploads == 2)
        #expect(try client.copy(locator("a.test/art/one:1"), to: locator("b.test/else/one:2"), referrers: true).manifests == 3)
        #expect(registry.uploads == 6, "what is there is not sent again")
        let held = try #require(registry.repository("b.test/else/one"))
        #expect(Set(held.manifests.keys) == Set([digest, signature, opinion].map(\.description)))
        _ = try client.copy(locator("a.test/art/one:1"), to: locator("a.test/art/two:1"), referrers: true)
        #expect(registry.uploads == 6, "within a registry blobs are mounted")
        #expect(try client.store.search(SearchQuery()).total == 0)
        #expect(try client.store.collect(dryRun: true, leaseTime: 0).deleted == CollectionReport().deleted)
    }

    @Test func `copies from and to the local store`() throws {
        let digest = suite.pushImage("a.test/art/one")
        _ = suite.pushImage("a.test/art/one", tag: nil, "signature", subject: digest)
        let copying = try client.copy(locator("a.test/art/one:1"), to: locator("mine/one:3"), referrers: true)
        #expect(copying.target.description == "mine/one:3")
        #expect(try client.local(locator("mine/one:3"))?.manifestDigest == digest)
        #expect(try client.referrers(locator("mine/one:3"), artifactType: nil, at: nil).referrers.count == 1)
        #expect(try client.copy(locator("mine/one:3"), to: locator("b.test/x:1"), referrers: true).manifests == 2)
        #expect(registry.repository("b.test/x")?.manifests.count == 2)
        let record = try suite.push()
        _ = try client.copy(locator("team/hello:1"), to: locator("other/name:9"), referrers: false)
        #expect(try client.local(locator("other/name:9"))?.tree == record.tree)
        _ = try client.push(locator("other/name:9"), to: nil)
        #expect(registry.repository("a.test/other/name")?.tags["9"] == record.manifestDigest.description)
        #expect(throws: RegistryError.self) { try client.copy(try locator("none:1"), to: try locator("b.test/x:1"), referrers: false) }
    }

    @Test func `lists what refers to an artifact`() throws {
        let digest = suite.pushImage("a.test/art/one")
        #expect(try client.referrers(locator("a.test/art/one:1"), artifactType: nil, at: nil).referrers.isEmpty)
        let signature = suite.pushImage("a.test/art/one", tag: nil, "signature", subject: digest)
        let found = try client.referrers(locator("a.test/art/one:1"), artifactType: nil, at: nil)
        #expect(found.digest == digest && found.referrers.map(\.digest) == [.sha256(signature)])
        #expect(try client.referrers(locator("art/one:1"), artifactType: "other", at: "a.test").referrers.isEmpty)
    }

    @Test func `one repository or manifest that a registry refuses hides nothing of the others`() throws {
        try suite.push()
        for name in ["secret", "Upper", "../up", "broken"] { suite.pushImage("a.test/\(name)") }
        registry.change("a.test/broken") { repository in
            for digest in repository.manifests.keys { repository.manifests[digest]?.bytes = Array("<html>".utf8) }
        }
        let honest = registry.transport
        let refusing = RecordedTransport { asked in
            let isSecret = ["/secret/", "/Upper/", "../"].contains { asked.url.contains($0) }
            return try isSecret ? .json(403, .members(["errors": [.members(["code": "DENIED"])]])) : honest.respond(asked)
        }
        let client = try Client(home: suite.home.path, environment: "http://a.test", transport: refusing)
        let url = try client.registry(nil)
        let found = try client.search("", at: url, limit: 10, offset: 0)
        #expect(found.results.map(\.locator.description) == ["team/hello:1"])
        let refused = #expect(throws: RegistryError.self) { try client.search("secret", at: url, limit: 10, offset: 0) }
        #expect(refused?.code == .denied, "nothing else would be said")
    }

    @Test func `searches a catalog by the names of its repositories`() throws {
        try suite.push()
        suite.pushImage("a.test/art/hello-world")
        suite.pushImage("a.test/art/nothing")
        suite.pushImage("a.test/art/nothing", tag: "sha256-\(sha256([1]).hex)")
        let url = try client.registry(nil)
        let found = try client.search("hello", at: url, limit: 10, offset: 0)
        #expect(found.total == 2)
        #expect(found.results.map(\.locator.description) == ["art/hello-world:1", "team/hello:1"])
        #expect(found.results.map(\.type) == ["oci", "text"])
        #expect(try client.search("art wor", at: url, limit: 10, offset: 0).total == 1)
        #expect(try client.search("", at: url, limit: 1, offset: 1).results.count == 1)
        #expect(try client.search("", at: url, limit: 0, offset: 0).total == 3, "lists of referrers are no artifacts")
    }
}
