import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

/// An operation on a disk store. Source: Specs/05-store, "Put a blob" and "Commit a manifest".
final class DiskOperation: StoreOperation {
    /// How many staged files or folders are synced one by one; more are synced together, by one call for the file system.
    static let singleSyncLimit = 4
    /// How many blobs one write transaction takes in, so that others never wait long.
    static let batchSize = 1024
    /// A blob put this short a time ago (seconds) by another operation may lie in a folder that is not synced yet.
    static let unsyncedTime = 60

    private struct State {
        var staged: [StagedBlob: String] = [:]
        /// The lengths of the blobs that this operation put itself and has synced.
        var published: [Digest: Int] = [:]
        /// The other blobs that it took a lease on.
        var found: Set<Digest> = []
        /// Folders of leased blobs that another operation put just now.
        var unsynced: Set<String> = []
        /// When the leases that this operation drops at its end were last renewed; 0 when it has none.
        var leasedAt = 0
        /// Whether it keeps a manifest.
        var holds = false
        var ended = false
    }

    let layout: StoreLayout
    private let catalog: Catalog
    private let leaseTime: Int
    /// Where blobs are looked for; nil for an operation that puts alone.
    private let store: DiskStore?
    private let owner: String
    /// Whether the leases are the operation's own, which go when it ends, and not a repository's, which end by time.
    private let isOwner: Bool
    private let folder: StagingFolder
    private let lanes: StagingLanes
    private let earlySync: EarlySync
    private let state = Mutex(State())

    /// What it puts or finds is leased to `owner`, or to itself when that is nil.
    init(layout: StoreLayout, catalog: Catalog, leaseTime: Int, owner: String? = nil, of store: DiskStore? = nil) throws {
        self.layout = layout
        self.catalog = catalog
        self.leaseTime = leaseTime
        self.store = store
        let name = RandomName.make()
        self.owner = owner ?? name
        isOwner = owner == nil
        folder = try StagingFolder(in: layout.staging, name: name)
        lanes = StagingLanes(folder: folder.path)
        earlySync = EarlySync(folder)
    }

    deinit { cancel() }

    func stage(_ source: any ByteSource, expecting: Digest?) throws -> StagedBlob {
        try lanes.use { lane in
            try staging(in: lane) { path in
                let blob = try write(source, to: path, lane.hasher)
                earlySync.staged(blob.size)
                if let expecting, expecting != blob.digest { throw ContentError.mismatch(expected: expecting, got: blob.digest) }
                return blob
            }
        }
    }

    func stage(_ bytes: UnsafeRawBufferPointer, as digest: Digest, use: (_ file: String?) -> Void) throws -> StagedBlob {
        try lanes.use { lane in
            lane.hasher.reset()
            lane.hasher.update(bytes)
            let found = lane.hasher.finish()
            guard found == digest else { throw ContentError.mismatch(expected: digest, got: found) }
            try renewLeases()
            return try staging(in: lane) { path in
                try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o444).write(bytes)
                earlySync.staged(bytes.count)
                use(path)
                return StagedBlob(digest: digest, size: bytes.count)
            }
        }
    }

    /// Notes the blob that `make` puts at the path it is given; when that fails nothing stays there.
    private func staging(in lane: StagingLanes.Lane, _ make: (String) throws -> StagedBlob) throws -> StagedBlob {
        let path = try lane.next()
        do {
            let blob = try make(path)
            if let twin = state.withLock({ $0.staged.updateValue(path, forKey: blob) }) { try Files.remove(twin) }
            return blob
        } catch {
            Files.discard(path)
            throw error
        }
    }

    /// Whether anything is staged.
    var isHolding: Bool { state.withLock { !$0.staged.isEmpty } }

    /// Stages a file of this file system whose bytes have been hashed, by moving it. It is never written to again.
    func adopt(_ file: String, as blob: StagedBlob) throws {
        try lanes.use { lane in
            let path = try lane.next()
            try Files.rename(file, to: path)
            _ = try retrying("chmod", path) { chmod(path, 0o444) }
            earlySync.staged(blob.size)
            if let twin = state.withLock({ $0.staged.updateValue(path, forKey: blob) }) { try Files.remove(twin) }
        }
    }

    func publish() throws {
        // In the order of the digests: rows that are neighbours in the catalog and files of one folder come together.
        let staged = state.withLock { state in
            defer { state.staged = [:] }
            return state.staged.sorted { $0.key.digest < $1.key.digest }
        }
        guard !staged.isEmpty else { return }
        try earlySync.finish()
        try folder.syncFiles(staged.map(\.value), singly: staged.count <= DiskOperation.singleSyncLimit)
        for start in stride(from: 0, to: staged.count, by: DiskOperation.batchSize) {
            try putIntoPlace(staged[start..<min(start + DiskOperation.batchSize, staged.count)])
        }
        try syncFolders(Set(staged.map { layout.folder($0.key.digest) }))
        // What is a repository's is neither committed nor dropped here: there is nothing to remember, however much it is.
        guard isOwner else { return }
        state.withLock { state in
            for (blob, _) in staged {
                state.published[blob.digest] = blob.size
                state.found.remove(blob.digest)
            }
            state.leasedAt = Clock.now
        }
    }

    func lease(_ blobs: [Digest: Int]) throws -> Set<Digest> {
        // A store that is new has none of them, however many they are.
        guard try catalog.read({ try $0.first("SELECT 1 FROM blobs LIMIT 1") { $0.int(0) } }) != nil else { return [] }
        var found: Set<Digest> = []
        var unsynced: Set<String> = []
        var written: [StagedBlob] = []
        let wanted = blobs.sorted { $0.key < $1.key }
        for start in stride(from: 0, to: wanted.count, by: DiskOperation.batchSize) {
            try catalog.write(durably: false) { database, now in
                for (digest, size) in wanted[start..<min(start + DiskOperation.batchSize, wanted.count)] {
                    let blob = StagedBlob(digest: digest, size: size)
                    guard let addedAt = try database.blobAddedAt(digest, size: size), let state = try layout.state(of: blob) else {
                        continue
                    }
                    try lease(digest, in: database, now: now)
                    found.insert(digest)
                    if state.isWrittenLast { written.append(blob) }
                    if addedAt >= now - DiskOperation.unsyncedTime { unsynced.insert(layout.folder(digest)) }
                }
            }
        }
        state.withLock { state in
            state.unsynced.formUnion(unsynced)
            for digest in found where state.published[digest] == nil { state.found.insert(digest) }
            state.leasedAt = Clock.now
        }
        if let store { found.subtract(try store.wrong(among: written)) }
        return found
    }

    func hold(_ record: ResourceRecord) throws {
        try catalog.write(durably: false) { database, now in
            let reference = record.reference
            guard try database.manifestID(reference.registry, reference.repository, record.manifestDigest) != nil else {
                throw RegistryError.notFound(reference.description)
            }
            try database.run(
                "INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", .text(Database.holder + owner), .digest(record.manifestDigest),
                .integer(now + leaseTime))
        }
        state.withLock { $0.holds = true }
    }

    func commit(_ manifest: ResourceManifest, as reference: Reference) throws -> ResourceRecord {
        let config = [ResourceManifest.emptyConfigDigest: ResourceManifest.emptyConfig.count]
        if try lease(config).isEmpty {
            _ = try stage(BytesSource(ResourceManifest.emptyConfig), expecting: ResourceManifest.emptyConfigDigest)
        }
        // While the disk syncs, the manifest's text is made.
        let encoding = Background { Artifact(manifest) }
        do { try publish() } catch {
            _ = encoding.value
            throw error
        }
        return try commitPublished([encoding.value], as: reference)
    }

    func commit(_ artifacts: [Artifact], as reference: Reference, names: [ContentDigest: Digest]) throws -> ResourceRecord {
        try publish()
        return try commitPublished(artifacts, as: reference, names: names)
    }

    private func commitPublished(_ artifacts: [Artifact], as reference: Reference, names: [ContentDigest: Digest] = [:]) throws
        -> ResourceRecord
    {
        let (published, unsynced, leased) = state.withLock { ($0.published, $0.unsynced, $0.published.count + $0.found.count) }
        try syncFolders(unsynced)
        let record = try catalog.write { database, now in
            for (name, digest) in names { try database.alias(name, of: digest) }
            // All at once: a row and its file come and go in one transaction, so what this operation put is there when its row is.
            // A blob that others put long ago may have lost its file since.
            let isComplete = try database.presentCount(leasedTo: owner) == leased
            for (name, size) in artifacts.lazy.flatMap(\.blobs) {
                guard let digest = try database.digest(of: name) else { throw RegistryError.blobNotFound(name) }
                if isComplete, published[digest] == size { continue }
                guard try database.blobAddedAt(digest, size: size) != nil, try layout.holds(digest, size: size) else {
                    throw RegistryError.blobNotFound(name)
                }
            }
            for artifact in artifacts.dropLast() {
                try database.put(artifact, registry: reference.registry, repository: reference.repository, tags: [], now: now)
            }
            try database.put(
                artifacts.last!, registry: reference.registry, repository: reference.repository, tags: [reference.tag], now: now)
            try database.run("DELETE FROM leases WHERE owner = ?", .text(owner))
            return try database.record(registry: reference.registry, repository: reference.repository, tag: reference.tag)
        }
        dropHold()
        end()
        return record!
    }

    func cancel() {
        guard !state.withLock({ $0.ended }) else { return }
        if isOwner, state.withLock({ $0.leasedAt }) > 0 {
            // A lease that cannot be dropped now ends by its time.
            _ = try? catalog.write(durably: false) { database, _ in try database.run("DELETE FROM leases WHERE owner = ?", .text(owner)) }
        }
        dropHold()
        end()
    }

    private func dropHold() {
        guard state.withLock({ $0.holds }) else { return }
        _ = try? catalog.write(durably: false) { database, _ in
            try database.run("DELETE FROM leases WHERE owner = ?", .text(Database.holder + owner))
        }
    }

    private func end() {
        state.withLock { state in
            state.ended = true
            state.staged = [:]
        }
        folder.remove()
    }

    /// Writes and hashes the source in one pass.
    private func write(_ source: any ByteSource, to path: String, _ hasher: SHA256Hasher) throws -> StagedBlob {
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o444)
        hasher.reset()
        return try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            var size = 0
            while case let count = try source.read(into: buffer), count > 0 {
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hasher.update(bytes)
                try file.write(bytes)
                size += count
                try renewLeases()
            }
            return StagedBlob(digest: hasher.finish(), size: size)
        }
    }

    /// Renames a batch onto its final names and inserts its rows and leases, in one transaction: the files while the rows are written.
    private func putIntoPlace(_ batch: ArraySlice<(key: StagedBlob, value: String)>) throws {
        try catalog.write(durably: false) { database, now in
            let renaming = Background { [layout] in
                Result { for (blob, path) in batch { try layout.put(path, as: blob.digest) } }
            }
            let rows = Result {
                for (blob, _) in batch {
                    try database.putBlob(blob, now: now)
                    try lease(blob.digest, in: database, now: now)
                }
            }
            try renaming.value.get()
            try rows.get()
        }
    }

    private func syncFolders(_ folders: Set<String>) throws {
        if folders.count <= DiskOperation.singleSyncLimit {
            for each in folders { try Files.syncFolder(each) }
        } else {
            try folder.syncFileSystem()
        }
    }

    private func lease(_ digest: Digest, in database: Database, now: Int) throws {
        try database.run("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", .text(owner), .digest(digest), .integer(now + leaseTime))
    }

    /// Long work keeps its leases: they are renewed when a quarter of their time has passed.
    func renewLeases() throws {
        let due = state.withLock { state in
            guard state.leasedAt > 0, Clock.now - state.leasedAt >= max(1, leaseTime / 4) else { return false }
            state.leasedAt = Clock.now
            return true
        }
        guard due else { return }
        try catalog.write(durably: false) { database, now in
            try database.run("UPDATE leases SET until = ? WHERE owner = ?", .integer(now + leaseTime), .text(owner))
        }
    }
}
