import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

/// Small blobs whose files were put without being synced: until they are, their bytes are in the catalog, whose log is synced in any case.
///
/// A row is deleted when its file is durable. Whoever put the file knows that after one sync of the whole file system, asked of a descriptor
/// that was open before the file was written and so learns of every failure since. Anybody else writes the file anew. Source: Specs/05-store,
/// "Small uploads".
final class FreshBlobs: Sendable {
    /// A blob of up to this many bytes is put this way.
    static let largest = 128 << 10
    /// So many bytes or rows, or so many seconds after the first of them, and they are drained.
    static let enough = (bytes: 4 << 20, rows: 1024, seconds: 5)
    /// So many bytes drained, and the log is moved into the database: pages that were used again meanwhile are moved once.
    static let moved = 16 << 20
    /// With more than this many bytes waiting, the disk is behind: an upload waits for it itself.
    static let most = 64 << 20
    /// How many rows one write transaction deletes: SQLite goes through all pages of each.
    static let batchSize = 4
    /// How many of other processes' files are written anew at a time: others wait while that is committed.
    static let rewrittenAtOnce = 64
    /// How long a thread that nobody waits for leaves the catalog to others between two such transactions, in microseconds.
    static let pause: UInt32 = 1000

    private struct State {
        /// Rows of files that this process has put since `folder` was opened.
        var own: [Int] = []
        /// Rows that dead processes left.
        var left: [Int] = []
        var bytes = 0
        var since = 0
        /// How many bytes were drained since the log was moved into the database.
        var drained = 0
        var isDraining = false
        /// Whether a sync has failed: then nobody knows which files it was for.
        var hasFailed = false
    }

    let layout: StoreLayout
    let catalog: Catalog
    let leaseTime: Int
    private let folder: FileDescriptor
    private let lock: FileDescriptor
    private let state = Mutex(State())
    private let turn = Mutex(())

    /// Begins with the store as it is; `recover` comes before anything else is asked of it.
    init(_ layout: StoreLayout, _ catalog: Catalog, leaseTime: Int) throws {
        self.layout = layout
        self.catalog = catalog
        self.leaseTime = leaseTime
        folder = try FileDescriptor.open(layout.uploads, O_RDONLY | O_DIRECTORY)
        lock = try FileDescriptor.open(layout.freshLock, O_RDWR | O_CREAT, mode: 0o644)
    }

    /// Looks after what was left when nobody else has the store open, as after a power failure, and says that somebody has it open from now on.
    func recover() throws {
        // One at a time: should another process be killed at the repair, then whoever waited for it is the first.
        try Files.locked(layout.catalogLock) {
            // What that one had alone may be given back a moment later.
            _ = try retrying("flock", lock.path) { flock(lock.number, LOCK_SH) }
            if flock(lock.number, LOCK_EX | LOCK_NB) == 0 {
                let left = try repair()
                state.withLock { state in
                    state.left = left.map(\.id)
                    state.bytes = left.reduce(0) { $0 + $1.size }
                    state.since = Clock.now
                }
            }
            _ = try retrying("flock", lock.path) { flock(lock.number, LOCK_SH) }
        }
    }

    /// Whether a blob of this length may be put without a sync of its own.
    func takes(_ size: Int) -> Bool { size <= FreshBlobs.largest && state.withLock { !$0.hasFailed && $0.bytes <= FreshBlobs.most } }

    /// Takes a blob's row into the care of this process, once it is committed. Never waits for the disk.
    func added(_ id: Int, bytes: Int) {
        let isDue = state.withLock { state in
            if state.own.isEmpty, state.left.isEmpty { state.since = Clock.now }
            state.own.append(id)
            state.bytes += bytes
            guard !state.isDraining,
                state.bytes >= FreshBlobs.enough.bytes || state.own.count >= FreshBlobs.enough.rows
                    || Clock.now - state.since >= FreshBlobs.enough.seconds
            else { return false }
            state.isDraining = true
            return true
        }
        guard isDue else { return }
        Thread.detach { [self] in
            // What a failed sync may have lost is written anew; should that fail, too, it is kept, and a collection tries again.
            do { try drain() } catch { try? drain() }
            // What the blobs had in the log is most of it. Whoever commits when it is long moves what is not moved here.
            let isLong = state.withLock { state in
                defer { if state.drained >= FreshBlobs.moved { state.drained = 0 } }
                return state.drained >= FreshBlobs.moved
            }
            if isLong { try? catalog.checkpoint() }
            state.withLock { $0.isDraining = false }
        }
    }

    /// The id of the row that was added last; 0 for none.
    func newest() throws -> Int { try catalog.read { try $0.first("SELECT max(id) FROM fresh") { $0.int(0) } } ?? 0 }

    /// Makes the files durable whose bytes the catalog holds, and deletes those rows; of other processes' those up to the row `newest`, a few at
    /// a time.
    func drain(othersTo newest: Int = 0) throws {
        try turn.withLock { _ in
            let (own, left, bytes, hasFailed) = state.withLock { ($0.own, $0.left, $0.bytes, $0.hasFailed) }
            if hasFailed {
                try rewrite(own + left)
            } else {
                if !own.isEmpty {
                    do { try folder.syncFileSystem() } catch {
                        // What was lost may be gone from memory, too, and no later sync would tell (fsync(2)).
                        state.withLock { $0.hasFailed = true }
                        throw error
                    }
                }
                try forget(own)
                try rewrite(left)
            }
            state.withLock { state in
                state.own.removeFirst(own.count)
                state.left = []
                state.bytes -= bytes
                state.drained += bytes
                state.since = Clock.now
            }
            guard newest > 0 else { return }
            let mine = Set(state.withLock { $0.own })
            let others = try catalog.read { try $0.freshRows() }.map(\.id).filter { $0 <= newest && !mine.contains($0) }
            for start in stride(from: 0, to: others.count, by: FreshBlobs.rewrittenAtOnce) {
                try rewrite(Array(others[start..<min(start + FreshBlobs.rewrittenAtOnce, others.count)]))
            }
        }
    }

    /// Writes the files of some rows anew and syncs them, whatever is there; then the rows go. One whose bytes are not the blob's stays, for
    /// a check to tell of.
    func rewrite(_ ids: [Int]) throws {
        guard !ids.isEmpty else { return }
        var begun: DiskOperation?
        defer { begun?.cancel() }
        var written: [Int] = []
        for id in ids {
            // The row has gone when the blob was collected, or when another process was here before.
            guard let (digest, bytes) = try catalog.read({ try $0.freshBytes(id) }), sha256(bytes) == digest else { continue }
            let operation = try begun ?? DiskOperation(layout: layout, catalog: catalog, leaseTime: leaseTime)
            begun = operation
            _ = try operation.stage(BytesSource(bytes), expecting: digest)
            written.append(id)
        }
        try begun?.publish()
        try forget(written)
    }

    /// Deletes rows whose files are durable. That need not be durable itself.
    private func forget(_ ids: [Int]) throws {
        for start in stride(from: 0, to: ids.count, by: FreshBlobs.batchSize) {
            try catalog.write(durably: false) { database, _ in
                for id in ids[start..<min(start + FreshBlobs.batchSize, ids.count)] { try database.forgetFresh(id) }
            }
            usleep(FreshBlobs.pause)
        }
    }

    /// Looks at the files of all rows, and writes those anew that are not what they were. Gives the rows whose files are right; whether those
    /// are on the disk is known to nobody.
    private func repair() throws -> [FreshRow] {
        let (right, wrong) = try catalog.read { try $0.freshRows() }.reduce(into: ([FreshRow](), [FreshRow]())) { sorted, row in
            if isRight(row) { sorted.0.append(row) } else { sorted.1.append(row) }
        }
        do { try rewrite(wrong.map(\.id)) } catch let error as any ResourceError where error.code == .storageFull {
            // On a full disk what is derived makes room.
            try Files.removeTree(layout.cache)
            try layout.prepare()
            try rewrite(wrong.map(\.id))
        }
        return right
    }

    private func isRight(_ row: FreshRow) -> Bool {
        guard let file = try? layout.open(row.digest), let status = try? file.status(), status.isRegular, Int(status.st_size) == row.size
        else { return false }
        let hasher = SHA256Hasher()
        return (try? file.hash(into: hasher)) != nil && hasher.finish() == row.digest
    }
}
