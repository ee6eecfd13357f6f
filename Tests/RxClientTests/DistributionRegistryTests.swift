import RxCrypto
import RxHTTP
import RxModel
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite(.serialized) struct `Whole registries` {
    let home: TemporaryFolder

    init() throws { home = try TemporaryFolder() }

    func client(_ registry: DockerRegistry, _ credential: Credential? = nil) throws -> DistributionClient {
        let store = CredentialStore(home: home.path) { _ in nil }
        if let credential { try store.save(credential, for: registry.host) } else { try store.remove(registry.host) }
        return DistributionClient(
            try RegistryURL(parsing: registry.url), transport: AuthenticatingTransport(patient(), credentials: store))
    }

    /// Every call, one after the other.
    func exercise(_ client: DistributionClient, deletesTags: Bool = false) throws {
        var client = client
        client.limits.chunk = 1 << 20
        try client.check()
        let (bytes, descriptor) = blob(300_000)
        let (long, longDescriptor) = blob(3_500_000)
        let config = Descriptor(mediaType: MediaType.emptyConfig, digest: .sha256(sha256(Array("{}".utf8))), size: 2)
        #expect(try !client.holds(descriptor, in: "team/a"))
        try client.push(descriptor, to: "team/a") { BytesSource(bytes) }
        try client.push(longDescriptor, to: "team/a") { BytesSource(long) }
        try client.push(config, to: "team/a") { BytesSource(Array("{}".utf8)) }
        let (none, nothing) = blob(0)
        try client.push(nothing, to: "team/a") { BytesSource(none) }
        #expect(try client.holds(descriptor, in: "team/a") && !client.holds(descriptor, in: "team/b"))
        try client.push(descriptor, to: "team/b", mountFrom: "team/a") { throw ContentError("it should have been mounted") }
        #expect(try client.holds(descriptor, in: "team/b"))
        try client.push(longDescriptor, to: "team/b", mountFrom: "team/none") { BytesSource(long) }
        #expect(try client.bytes(descriptor) == bytes && client.bytes(longDescriptor, from: "team/b") == long)
        #expect(try client.bytes(nothing) == none)
        #expect(registryError { try client.bytes(descriptor, from: "team/none") }?.code == .blobUnknown)

        let manifest = artifact(descriptor)
        #expect(try client.manifest("team/a", .tag("1")) == nil && client.head("team/a", .tag("1")) == nil)
        for tag in ["1", "2", nil] { try client.put(manifest, in: "team/a", tag: tag) }
        #expect(try client.manifest("team/a", .tag("1")) == manifest)
        #expect(try client.manifest("team/a", .digest(.sha256(manifest.digest))) == manifest)
        #expect(try client.head("team/a", .tag("2")) == manifest.digest)
        #expect(try client.tags(of: "team/a").sorted() == ["1", "2"])
        #expect(registryError { try client.tags(of: "team/none") }?.code == .nameUnknown)
        #expect(try client.repositories(limit: 10).first == "team/a" && client.repositories(limit: 1) == ["team/a"])
        let absent = artifact(blob(77).descriptor)
        #expect(registryError { try client.put(absent, in: "team/a", tag: "x") }?.code.wire == "MANIFEST_BLOB_UNKNOWN")

        let subject = named(manifest)
        let referrer = artifact(descriptor, subject: subject)
        try client.put(referrer, in: "team/a", tag: nil)
        #expect(try client.referrers("team/a", of: subject.digest).map(\.digest) == [.sha256(referrer.digest)])
        #expect(try client.referrers("team/a", of: subject.digest, artifactType: "other") == [])
        try client.delete("team/a", .digest(.sha256(referrer.digest)))
        #expect(try client.referrers("team/a", of: subject.digest) == [])
        if deletesTags {
            try client.delete("team/a", .tag("1"))
            #expect(try client.tags(of: "team/a") == ["2"])
        } else {
            let kept = registryError { try client.delete("team/a", .tag("1")) }
            #expect(kept?.code.status == 400 && kept?.hint == "the registry may not allow that anything is deleted")
        }
        try client.delete("team/a", .digest(.sha256(manifest.digest)))
        for tag in ["1", "2"] { #expect(try client.manifest("team/a", .tag(tag)) == nil) }
    }

    func named(_ artifact: StoredArtifact) -> Descriptor { descriptor(artifact) }

    @Test func `Debian's docker-registry, open to everybody`() throws {
        let registry = try DockerRegistry()
        try withExtendedLifetime(registry) { try exercise(client(registry)) }
    }

    @Test func `Debian's docker-registry, with users`() throws {
        let registry = try DockerRegistry(accounts: true)
        try exercise(client(registry, .password(user: DockerRegistry.account.name, secret: DockerRegistry.account.password)))
        let nobody = registryError { try client(registry).check() }
        #expect(nobody?.code == .unauthorized && nobody?.hint == "rx login \(registry.host)")
        let wrong = registryError { try client(registry, .password(user: DockerRegistry.account.name, secret: "wr0ng")).check() }
        #expect(wrong?.message == "\(registry.host) refused the password of reader")
        withExtendedLifetime(registry) {}
    }

    @Test func `rx's own registry`() throws {
        let registry = try RegistryProcess()
        let client = DistributionClient(try RegistryURL(parsing: registry.url), transport: patient())
        try exercise(client, deletesTags: true)
        withExtendedLifetime(registry) {}
    }

    @Test func `a blob is taken up again after the connection broke`() throws {
        let registry = try DockerRegistry()
        let (long, descriptor) = blob(3_500_000)
        var client = DistributionClient(try RegistryURL(parsing: registry.url), transport: BreakingTransport(patient(), at: [2, 5]))
        (client.limits.chunk, client.limits.retry.pause) = (1 << 20, 0.01)
        try client.push(descriptor, to: "a") { BytesSource(long) }
        #expect(try client.bytes(descriptor, from: "a") == long)
        withExtendedLifetime(registry) {}
    }
}

/// Loses the connection in the middle of what some of its requests send.
private struct BreakingTransport: HTTPTransport {
    private let transport: any HTTPTransport
    private let broken: Set<Int>
    private let count = Shared(0)

    init(_ transport: any HTTPTransport, at broken: Set<Int>) {
        self.transport = transport
        self.broken = broken
    }

    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        let number = count.change {
            $0 += 1; return $0
        }
        var request = request
        if broken.contains(number), case .stream(let source, let length, let type) = request.body {
            request.body = .stream(BreakingSource(source), length: length, type: type)
        }
        return try transport.perform(request, receive: receive)
    }
}

private final class BreakingSource: ByteSource {
    private let source: any ByteSource
    private var left = 400_000

    init(_ source: any ByteSource) { self.source = source }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard left > 0 else { throw HTTPFailure(.interrupted, "broken").error(endpoint: "test") }
        let count = try source.read(into: buffer)
        left -= count
        return count
    }
}
