import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

/// An operation on a disk store. Source: Specs/05-store, "Put a blob" and "Commit a manifest".
final class DiskOperation: StoreOperation {
    /// How many staged files are synced one by one; more are synced together, by one call for the file system.
    static let singleSyncLimit = 4
    /// How many blobs one write transaction takes in, so that others never wait long.
    static let batchSize = 512

    private struct State {
        var staged: [StagedBlob: String] = [:]
        var leasedAt = 0
        var ended = false
    }

    private let layout: StoreLayout
    private let catalog: Catalog
    private let leaseTime: Int
    private let owner = RandomName.make()
    private let folder: StagingFolder
    private let state = Mutex(State())
    private let lanes = Mutex<(idle: [Lane], made: Int)>(([], 0))

    /// What one `stage` call uses alone: a hasher, and a folder, because threads that make files in one folder wait for each other.
    private final class Lane: @unchecked Sendable {
        // Only the thread that took the lane uses it.
        let hasher = SHA256Hasher()
        let folder: String
        var made = 0

        init(folder: String) throws {
            self.folder = folder
            try Files.makeFolders(folder, mode: 0o700)
        }

        func next() -> String {
            made += 1
            return "\(folder)/\(made)"
        }
    }

    init(layout: StoreLayout, catalog: Catalog, leaseTime: Int) throws {
        self.layout = layout
        self.catalog = catalog
        self.leaseTime = leaseTime
        folder = try StagingFolder(path: "\(layout.staging)/\(owner)")
    }

    deinit { cancel() }

    func stage(_ source: any ByteSource, expecting: Digest?) throws -> StagedBlob {
        try renewLeases()
        let lane = try takeLane()
        defer { lanes.withLock { $0.idle.append(lane) } }
        let path = lane.next()
        do {
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o444)
            let size = try copyBytes(from: source, to: HashingSink(FileSink(file), lane.hasher))
            let blob = StagedBlob(digest: lane.hasher.finish(), size: size)
            if let expecting, expecting != blob.digest { throw ContentError.mismatch(expected: expecting, got: blob.digest) }
            if let twin = state.withLock({ $0.staged.updateValue(path, forKey: blob) }) { try Files.remove(twin) }
            return blob
        } catch {
            _ = lane.hasher.finish()
            Files.discard(path)
            throw error
        }
    }

    private func takeLane() throws -> Lane {
        let number = lanes.withLock { lanes -> Int in
            guard lanes.idle.isEmpty else { return 0 }
            lanes.made += 1
            return lanes.made
        }
        if number > 0 { return try Lane(folder: "\(folder.path)/\(number)") }
        return try lanes.withLock { $0.idle.popLast() } ?? takeLane()
    }

    func publish() throws {
        // In the order of the digests: rows that are neighbours in the catalog and files of one folder come together.
        let staged = state.withLock { state in
            defer { state.staged = [:] }
            return state.staged.sorted { $0.key.digest < $1.key.digest }
        }
        guard !staged.isEmpty else { return }
        try folder.syncFiles(staged.map(\.value), singly: staged.count <= DiskOperation.singleSyncLimit)
        for start in stride(from: 0, to: staged.count, by: DiskOperation.batchSize) {
            try catalog.write { database, now in
                for (blob, path) in staged[start..<min(start + DiskOperation.batchSize, staged.count)] {
                    try Files.rename(path, to: layout.blob(blob.digest))
                    try database.run(
                        "INSERT INTO blobs VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET size = excluded.size", .digest(blob.digest),
                        .integer(blob.size), .integer(now))
                    try lease(blob.digest, in: database, now: now)
                }
            }
        }
        let folders = Set(staged.map { layout.folder($0.key.digest) })
        if folders.count <= DiskOperation.singleSyncLimit {
            for each in folders { try Files.syncFolder(each) }
        } else {
            try folder.syncFileSystem()
        }
        state.withLock { $0.leasedAt = Clock.now }
    }

    func lease(_ blobs: [Digest: Int]) throws -> Set<Digest> {
        var found: Set<Digest> = []
        let wanted = blobs.sorted { $0.key < $1.key }
        for start in stride(from: 0, to: wanted.count, by: DiskOperation.batchSize) {
            try catalog.write { database, now in
                for (digest, size) in wanted[start..<min(start + DiskOperation.batchSize, wanted.count)] {
                    guard
                        try database.first(
                            "SELECT 1 FROM blobs WHERE digest = ? AND size = ?", .digest(digest), .integer(size), map: { _ in true })
                            != nil,
                        let status = try Files.status(layout.blob(digest)), Int(status.st_size) == size
                    else { continue }
                    try lease(digest, in: database, now: now)
                    found.insert(digest)
                }
            }
        }
        state.withLock { $0.leasedAt = Clock.now }
        return found
    }

    func commit(_ manifest: ResourceManifest, as reference: Reference) throws -> ResourceRecord {
        let config = [ResourceManifest.emptyConfigDigest: ResourceManifest.emptyConfig.count]
        if try lease(config).isEmpty {
            _ = try stage(BytesSource(ResourceManifest.emptyConfig), expecting: ResourceManifest.emptyConfigDigest)
        }
        try publish()
        let encoded = EncodedManifest(manifest)
        let record = try catalog.write { database, now in
            for (digest, size) in manifest.blobs {
                guard
                    try database.first(
                        "SELECT 1 FROM blobs WHERE digest = ? AND size = ?", .digest(digest), .integer(size), map: { _ in true }) != nil,
                    let status = try Files.status(layout.blob(digest)), Int(status.st_size) == size
                else { throw RegistryError.blobNotFound(digest) }
            }
            let record = try database.put(encoded, as: reference, now: now)
            try database.run("DELETE FROM leases WHERE owner = ?", .text(owner))
            return record
        }
        end()
        return record
    }

    func cancel() {
        guard !state.withLock({ $0.ended }) else { return }
        if state.withLock({ $0.leasedAt }) > 0 {
            // A lease that cannot be dropped now ends by its time.
            _ = try? catalog.write { database, _ in try database.run("DELETE FROM leases WHERE owner = ?", .text(owner)) }
        }
        end()
    }

    private func end() {
        state.withLock { state in
            state.ended = true
            state.staged = [:]
        }
        folder.remove()
    }

    private func lease(_ digest: Digest, in database: Database, now: Int) throws {
        try database.run("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", .text(owner), .digest(digest), .integer(now + leaseTime))
    }

    /// Long work keeps its leases: they are renewed when a quarter of their time has passed.
    private func renewLeases() throws {
        let due = state.withLock { state in
            guard state.leasedAt > 0, Clock.now - state.leasedAt >= max(1, leaseTime / 4) else { return false }
            state.leasedAt = Clock.now
            return true
        }
        guard due else { return }
        try catalog.write { database, now in
            try database.run("UPDATE leases SET until = ? WHERE owner = ?", .integer(now + leaseTime), .text(owner))
        }
    }
}
