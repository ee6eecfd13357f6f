import RxCrypto
import RxModel
import RxPosix
import Synchronization

/// An operation on a memory store.
final class MemoryOperation: StoreOperation {
    private let store: MemoryStore
    private let owner: String
    /// The repository that it puts blobs into; nil for an operation, whose leases go when it ends.
    private let repository: String?
    private let staged = Mutex<[Digest: [UInt8]]>([:])

    init(store: MemoryStore, repository: String? = nil) {
        self.store = store
        self.repository = repository
        owner = repository.map(repositoryOwner) ?? RandomName.make()
    }

    deinit { cancel() }

    func stage(_ source: any ByteSource, expecting: Digest?) throws -> StagedBlob {
        let bytes = try source.readAll()
        let digest = sha256(bytes)
        if let expecting, expecting != digest { throw ContentError.mismatch(expected: expecting, got: digest) }
        staged.withLock { $0[digest] = bytes }
        return StagedBlob(digest: digest, size: bytes.count)
    }

    func publish() throws {
        let blobs = staged.withLock { staged in
            defer { staged = [:] }
            return staged
        }
        let until = Clock.now + store.leaseTime
        store.state.withLock { state in
            for (digest, bytes) in blobs {
                state.blobs[digest] = bytes
                state.leases[owner, default: [:]][digest] = until
            }
        }
    }

    func lease(_ blobs: [Digest: Int]) throws -> Set<Digest> {
        let until = Clock.now + store.leaseTime
        return store.state.withLock { state in
            let found = blobs.filter { digest, size in
                state.blobs[digest]?.count == size && (repository == nil || state.isShown(digest))
            }.map(\.key)
            for digest in found { state.leases[owner, default: [:]][digest] = until }
            return Set(found)
        }
    }

    func hold(_ record: ResourceRecord) throws {
        let until = Clock.now + store.leaseTime
        let repository = MemoryStore.Repository(registry: record.reference.registry, name: record.reference.repository)
        try store.state.withLock { state in
            guard state.manifests[repository]?.contains(where: { $0.digest == record.manifestDigest }) == true else {
                throw RegistryError.notFound(record.reference.description)
            }
            state.holds[owner, default: [:]][record.manifestDigest] = until
        }
    }

    // What is in memory dies with its process, so no dead operation has left anything.
    func salvage(_ wanted: [Digest: Int]) throws -> Set<Digest> { [] }

    func partial(_ digest: Digest, size: Int) throws -> (any PartialBlob)? {
        MemoryPartial(store, digest, size: size) { [self] in _ = try stage(BytesSource($0), expecting: digest) }
    }

    func commit(_ manifest: ResourceManifest, as reference: Reference) throws -> ResourceRecord {
        _ = try stage(BytesSource(ResourceManifest.emptyConfig), expecting: ResourceManifest.emptyConfigDigest)
        return try commit([Artifact(manifest)], as: reference, names: [:])
    }

    func commit(_ artifacts: [Artifact], as reference: Reference, names: [ContentDigest: Digest]) throws -> ResourceRecord {
        try publish()
        return try store.state.withLock { state in
            for (name, digest) in names { state.alias(name, of: digest) }
            for (name, size) in artifacts.lazy.flatMap(\.blobs) {
                guard let digest = state.digest(of: name), state.blobs[digest]?.count == size else {
                    throw RegistryError.blobNotFound(name)
                }
            }
            let repository = MemoryStore.Repository(registry: reference.registry, name: reference.repository)
            for artifact in artifacts.dropLast() { state.put(artifact, in: repository, tags: []) }
            state.put(artifacts.last!, in: repository, tags: [reference.tag])
            state.leases[owner] = nil
            state.holds[owner] = nil
            return state.record(reference)!
        }
    }

    func cancel() {
        staged.withLock { $0 = [:] }
        store.state.withLock { $0.holds[owner] = nil }
        guard repository == nil else { return }
        store.state.withLock { $0.leases[owner] = nil }
    }
}
