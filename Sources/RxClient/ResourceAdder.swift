import RxCrypto
public import RxModel
import RxPosix
public import RxSource
public import RxStore
import Synchronization

/// Puts a working folder into the store: each file is read once, hashed while it is stored; a file that has not changed since it
/// was added last is not read at all.
public struct ResourceAdder: Sendable {
    private let store: DiskStore
    private let progress: any Progress

    /// Adds to `store`, telling `progress` of every byte.
    public init(store: DiskStore, progress: any Progress = NoProgress()) {
        self.store = store
        self.progress = progress
    }

    /// What an add did.
    public struct Outcome: Sendable {
        /// The resource as it is stored.
        public let record: ResourceRecord
        /// How many of its files were known and not read.
        public let unchanged: Int
    }

    /// Stores the entries of `folder` under the definition's own locator. `stampedAt` is a time before the entries were listed
    /// (nanoseconds since 1970). Throws `ContentError` for a tree that is refused, `PosixError` for one that cannot be read.
    public func add(_ entries: [SourceEntry], in folder: SourceFolder, definition: Definition, stampedAt: Int) throws -> Outcome {
        defer { progress.end() }
        let operation = try store.begin()
        let cache = FileHashCache(of: store)
        let stamps = entries.map { $0.stamp(in: folder) }
        let known = try leased(cache.known(stamps), entries, operation)
        progress.begin("adding", total: zip(entries, known).reduce(0) { $0 + ($1.1 == nil ? $1.0.size : 0) })
        // A tree that no resource may have is refused before anything is stored.
        try ResourceManifest.check(entries.map { $0.file(ResourceManifest.emptyConfigDigest) })
        let fresh = entries.indices.filter { known[$0] == nil }
        let publishing = PublishingThread(operation)
        let hashed: [Digest]
        do { hashed = try hash(entries, known, fresh, operation, publishing) } catch {
            // The operation must not end while it publishes.
            try? publishing.wait()
            throw error
        }
        // The hash cache is written while the store syncs; what it records is believed only once the blobs are there.
        let recording = Background {
            cache.record(fresh.compactMap { index in stamps[index].map { ($0, hashed[index]) } }, stampedAt: stampedAt)
            cache.close()
        }
        defer { recording.value }
        let files = zip(entries, hashed).map { entry, digest in entry.file(digest) }
        let manifest = Result { try ResourceManifest(definition: definition, files: files) }
        try publishing.wait()
        let record = try operation.commit(try manifest.get(), as: Reference(definition.locator))
        return Outcome(record: record, unchanged: entries.count - fresh.count)
    }

    /// The digest of every entry; stages the `fresh` ones, which are put into place while the next are staged.
    private func hash(
        _ entries: [SourceEntry], _ known: [Digest?], _ fresh: [Int], _ operation: any StoreOperation, _ publishing: PublishingThread
    ) throws -> [Digest] {
        defer { publishing.end() }
        let digests = Mutex(known)
        try WorkerPool.forEach(fresh.indices, threads: Host.processors) { position in
            let index = fresh[position]
            let blob = try stage(entries[index], operation)
            digests.withLock { $0[index] = blob.digest }
            try publishing.add(blob.size)
        }
        return digests.withLock { $0 }.map { $0! }
    }

    /// Those of the remembered digests whose blobs the store holds, leased to the operation.
    private func leased(_ digests: [Digest?], _ entries: [SourceEntry], _ operation: any StoreOperation) throws -> [Digest?] {
        var sizes: [Digest: Int] = [:]
        for case (let digest?, let entry) in zip(digests, entries) { sizes[digest] = entry.size }
        guard !sizes.isEmpty else { return digests }
        let present = try operation.lease(sizes)
        return digests.map { $0.flatMap { present.contains($0) ? $0 : nil } }
    }

    private func stage(_ entry: SourceEntry, _ operation: any StoreOperation) throws -> StagedBlob {
        switch entry.kind {
        case .symlink(let target):
            return try operation.stage(BytesSource(Array(target.utf8)), expecting: nil)
        case .regular:
            let file = try entry.open()
            let blob = try operation.stage(MeteredSource(FileSource(file), progress), expecting: nil)
            try entry.checkUnchanged(file)
            return blob
        }
    }
}

extension FileHashCache {
    /// The remembered digests; an entry without a stamp has none.
    fileprivate func known(_ stamps: [FileStamp?]) -> [Digest?] {
        var found = known(stamps.compactMap { $0 })[...]
        return stamps.map { $0 == nil ? nil : found.removeFirst() }
    }
}

extension SourceEntry {
    /// What the hash cache knows a regular file by; nil for a symlink, whose target is known already.
    fileprivate func stamp(in folder: SourceFolder) -> FileStamp? {
        guard case .regular = kind else { return nil }
        return FileStamp(path: "\(folder.path)/\(path)", size: size, modifiedAt: modifiedAt, changedAt: changedAt, inode: inode)
    }

    /// The entry as a file of a resource.
    func file(_ digest: Digest) -> ResourceFile {
        switch kind {
        case .regular(let executable): ResourceFile(path: path, digest: digest, size: size, executable: executable)
        case .symlink(let target): ResourceFile(path: path, digest: digest, size: target.utf8.count, symlink: target)
        }
    }
}
