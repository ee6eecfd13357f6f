import RxHTTP
import RxModel
import RxPosix
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

    /// Reads a blob here and throws when its bytes are not the ones that its digest names; nothing for one that is elsewhere.
    func verify(_ blob: Descriptor) throws

    /// How many blobs are read from it at once.
    var gate: TransferGate { get }

    /// The bytes of a blob from `offset` on; nil for an origin so near that keeping what came of it costs more than it saves.
    func tail(_ blob: Descriptor, from offset: Int) throws -> (any ByteSource)?

    /// The repository of the registry `authority` that the blobs can be mounted from; nil when it is none of that registry.
    func mountable(at authority: String) -> String?
}

extension ArtifactOrigin {
    func verify(_ blob: Descriptor) throws {}

    var gate: TransferGate { TransferGate() }

    func tail(_ blob: Descriptor, from offset: Int) throws -> (any ByteSource)? { nil }
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

    var gate: TransferGate { client.gate }

    func tail(_ blob: Descriptor, from offset: Int) throws -> (any ByteSource)? {
        BytePipe.source { [self] in try client.fetch(blob, from: repository, offset: offset, into: $0) }
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
        switch try store.content(of: StagedBlob(digest: digest, size: blob.size)) {
        // Whoever takes them hashes them: a registry, or an operation of a store.
        case .file(let file): return FileRangeSource(file)
        case .bytes(let bytes): return BytesSource(bytes)
        }
    }

    func verify(_ blob: Descriptor) throws {
        guard let digest = try store.digest(of: blob.digest) else { throw RegistryError.blobNotFound(blob.digest) }
        let source = try store.open(digest)
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            while try source.read(into: buffer) > 0 {}
        }
    }

    var hasStreams: Bool { true }

    func stream(_ items: [FreightItem]) -> (any ByteSource)? { BlobOutlet(store: store, progress: NoProgress()).stream(items) }

    func mountable(at authority: String) -> String? { registry == authority ? repository : nil }
}
