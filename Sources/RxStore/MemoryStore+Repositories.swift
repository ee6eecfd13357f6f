import RxCrypto
public import RxModel
import RxPosix
import Synchronization

extension MemoryStore {
    public func blob(_ digest: ContentDigest, in repository: String, leasing: Bool) throws -> StagedBlob? {
        state.withLock { state in
            guard let found = state.blob(digest, in: repository) else { return nil }
            if leasing { state.lease(found.digest, to: repository, until: Clock.now + leaseTime) }
            return found
        }
    }

    public func sizes(of digests: [Digest], in repository: String) throws -> [Digest: Int] {
        state.withLock { state in
            var sizes: [Digest: Int] = [:]
            for digest in digests { sizes[digest] = state.blob(.sha256(digest), in: repository)?.size }
            return sizes
        }
    }

    public func verified(_ blob: StagedBlob) throws -> any ByteSource {
        guard try size(of: blob.digest) == blob.size else { throw RegistryError.blobNotFound(blob.digest) }
        return try open(blob.digest)
    }

    // What is in memory is not lost.
    public func isWhole(_ manifest: Digest, in repository: String) throws -> Bool {
        try artifact(registry: "", repository: repository, name: .digest(.sha256(manifest))) != nil
    }

    public func content(of blob: StagedBlob) throws -> BlobContent {
        guard let bytes = state.withLock({ $0.blobs[blob.digest] }) else { throw RegistryError.blobNotFound(blob.digest) }
        return .bytes(bytes)
    }

    public func trusted(_ blob: StagedBlob, upTo limit: Int) throws -> BlobContent? { try content(of: blob) }

    public func mount(_ digest: ContentDigest, from source: String?, into repository: String) throws -> Bool {
        state.withLock { state in
            let sources = source.map { [$0] } ?? state.ownRepositories
            guard let holder = sources.first(where: { state.blob(digest, in: $0) != nil }), let found = state.blob(digest, in: holder)
            else {
                return false
            }
            state.lease(found.digest, to: repository, until: Clock.now + leaseTime)
            return true
        }
    }

    public func removeBlob(_ digest: ContentDigest, from repository: String) throws -> Bool {
        try state.withLock { state in
            guard let found = state.blob(digest, in: repository) else { return false }
            guard !state.isNamed(found.digest, in: repository) else {
                throw RegistryError(
                    "blob \(digest) is named by a manifest of \(repository)", code: .unsupported, hint: "delete the manifest first")
            }
            state.leases[repositoryOwner(repository)]?[found.digest] = nil
            return true
        }
    }

    public func beginUpload(in repository: String) throws -> any UploadSession {
        MemoryUpload(self, name: RandomName.uuid(), repository: repository, bytes: [], isKept: false)
    }

    public func received(_ name: String, in repository: String) throws -> Int? {
        state.withLock { state in state.uploads[name].flatMap { $0.repository == repository ? $0.bytes.count : nil } }
    }

    public func upload(_ name: String, in repository: String) throws -> (any UploadSession)? {
        try state.withLock { state in
            guard let upload = state.uploads[name], upload.repository == repository else { return nil }
            guard !upload.isTaken else {
                throw RegistryError.uploadBusy
            }
            state.uploads[name]?.isTaken = true
            return MemoryUpload(self, name: name, repository: repository, bytes: upload.bytes, isKept: true)
        }
    }

    /// An upload between its requests.
    struct Upload {
        let repository: String
        var bytes: [UInt8]
        var isTaken: Bool
    }
}

extension MemoryStore.State {
    /// The blob that one of this store's own repositories shows.
    func blob(_ name: ContentDigest, in repository: String) -> StagedBlob? {
        guard let digest = digest(of: name), let bytes = blobs[digest] else { return nil }
        let until = leases[repositoryOwner(repository)]?[digest] ?? 0
        guard until > Clock.now || isNamed(digest, in: repository) else { return nil }
        return StagedBlob(digest: digest, size: bytes.count)
    }

    func isNamed(_ digest: Digest, in repository: String) -> Bool {
        (manifests[.init(registry: "", name: repository)] ?? []).contains { held in
            held.blobs.contains { self.digest(of: $0) == digest }
        }
    }

    /// Whether any repository of this store's own shows a blob.
    func isShown(_ digest: Digest) -> Bool { ownRepositories.contains { blob(.sha256(digest), in: $0) != nil } }

    var ownRepositories: [String] {
        let leasing = leases.keys.compactMap { $0.hasPrefix(repositoryOwner("")) ? String($0.dropFirst(repositoryOwner("").count)) : nil }
        return leasing + manifests.keys.filter(\.registry.isEmpty).map(\.name)
    }

    mutating func lease(_ digest: Digest, to repository: String, until: Int) {
        leases[repositoryOwner(repository), default: [:]][digest] = until
    }
}

/// An upload to a memory store.
private final class MemoryUpload: UploadSession, @unchecked Sendable {
    // One request has it, on one thread at a time.
    private let store: MemoryStore
    private let repository: String
    private var bytes: [UInt8]
    private var isKept: Bool
    private var isOver = false

    let name: String
    var offset: Int { bytes.count }

    init(_ store: MemoryStore, name: String, repository: String, bytes: [UInt8], isKept: Bool) {
        self.store = store
        self.name = name
        self.repository = repository
        self.bytes = bytes
        self.isKept = isKept
    }

    deinit {
        guard isKept, !isOver else { return }
        let upload = MemoryStore.Upload(repository: repository, bytes: bytes, isTaken: false)
        store.state.withLock { $0.uploads[name] = upload }
    }

    func append(_ part: UnsafeRawBufferPointer) throws { bytes.append(contentsOf: part) }

    func keep() throws {
        isKept = true
        let upload = MemoryStore.Upload(repository: repository, bytes: bytes, isTaken: true)
        store.state.withLock { $0.uploads[name] = upload }
    }

    func finish(as digest: ContentDigest) throws -> StagedBlob {
        let found = sha256(bytes)
        guard digest.names(bytes) else {
            try cancel()
            throw ContentError.mismatch(expected: digest, got: .sha256(found))
        }
        isOver = true
        store.state.withLock { [bytes] state in
            state.blobs[found] = bytes
            state.lease(found, to: repository, until: Clock.now + store.leaseTime)
            state.alias(digest, of: found)
            state.uploads[name] = nil
        }
        return StagedBlob(digest: found, size: bytes.count)
    }

    func cancel() throws {
        isOver = true
        store.state.withLock { _ = $0.uploads.removeValue(forKey: name) }
    }
}
