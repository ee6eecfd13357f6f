import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// Where an artifact is read from: a repository of a registry, or of the local store.
protocol ArtifactOrigin: Sendable {
    /// A manifest, byte for byte; nil when there is none.
    func artifact(_ name: ArtifactName) throws -> StoredArtifact?

    /// What refers to a manifest.
    func referrers(of digest: ContentDigest) throws -> [Descriptor]

    /// The bytes of a blob from their start; the reader verifies what came through `fetch` alone.
    func open(_ blob: Descriptor) throws -> any ByteSource

    /// Whether `stream` gives many blobs at once.
    var hasStreams: Bool { get }

    /// Many blobs as one stream, as a negotiated transfer sends them; nil when they can only be read one by one.
    func stream(_ items: [FreightItem]) -> (any ByteSource)?

    /// The repository of the registry `authority` that the blobs can be mounted from; nil when it is none of that registry.
    func mountable(at authority: String) -> String?
}

/// A repository of a registry.
struct RemoteOrigin: ArtifactOrigin {
    let client: DistributionClient
    let repository: String
    /// The calls of negotiated transfers, when the registry is known to have them.
    var calls: TransferCalls?

    func artifact(_ name: ArtifactName) throws -> StoredArtifact? { try client.manifest(repository, name) }

    func referrers(of digest: ContentDigest) throws -> [Descriptor] { try client.referrers(repository, of: digest) }

    /// Up to how many bytes a blob is read as a whole, without a thread of its own.
    private static let smallSize = 256 << 10

    /// A small blob as a whole; a larger one while it comes, a few buffers of it held, whatever its size.
    func open(_ blob: Descriptor) throws -> any ByteSource {
        guard blob.size <= RemoteOrigin.smallSize else {
            return BytePipe.source { [self] in try client.fetch(blob, from: repository, into: $0) }
        }
        let sink = BytesSink(limit: blob.size)
        try client.fetch(blob, from: repository, into: sink)
        return BytesSource(sink.bytes)
    }

    var hasStreams: Bool { calls != nil }

    func stream(_ items: [FreightItem]) -> (any ByteSource)? {
        guard let calls else { return nil }
        let query = FetchQuery(repository: repository, .digests(items.map(\.digest)))
        return BytePipe.source { try calls.fetch(query, into: $0) }
    }

    func mountable(at authority: String) -> String? { client.registry.authority == authority ? repository : nil }
}

/// A repository of the local store: its own, or copies from a registry.
struct LocalOrigin: ArtifactOrigin {
    let store: any Store
    let registry: String
    let repository: String

    func artifact(_ name: ArtifactName) throws -> StoredArtifact? {
        try store.artifact(registry: registry, repository: repository, name: name)
    }

    func referrers(of digest: ContentDigest) throws -> [Descriptor] {
        try store.referrers(registry: registry, repository: repository, of: digest)
    }

    func open(_ blob: Descriptor) throws -> any ByteSource {
        guard let digest = try store.digest(of: blob.digest) else { throw RegistryError.blobNotFound(blob.digest) }
        return try store.open(digest)
    }

    var hasStreams: Bool { true }

    func stream(_ items: [FreightItem]) -> (any ByteSource)? { BlobOutlet(store: store, progress: NoProgress()).stream(items) }

    func mountable(at authority: String) -> String? { registry == authority ? repository : nil }
}
