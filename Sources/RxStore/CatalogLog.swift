import CSQLite
import Glibc
import RxModel
import RxPosix
import Synchronization

/// The file that SQLite writes commits to first, and whether its bytes can be made durable by a sync.
///
/// The kernel tells of a failed sync once, and what failed may be lost though the next sync succeeds (fsync(2)): commits that others wait
/// for may lie behind bytes that are in memory only. So a sync that fails, SQLite's own included, puts the log in doubt for all processes,
/// until one of them has written anew what was not synced before. Moving them into the database is no way out: what a power failure leaves of such a log, its
/// front, would be put over newer pages. The file is synced through a descriptor of its own: SQLite keeps no locks on it. Source:
/// Specs/05-store, STO-090.
final class CatalogLog: Sendable {
    /// The last failure, and the last one that was made good; equal when there is no doubt.
    private struct Doubt: BitwiseCopyable {
        var failure: UInt64 = 0
        var mended: UInt64 = 0
        var isThere: Bool { failure != mended }
    }

    private let path: String
    /// What processes tell each other.
    private let notes: FileDescriptor
    private let file = Mutex<FileDescriptor?>(nil)
    /// This process's own, for what could not be noted.
    private let own = Mutex(Doubt())
    /// Where the bytes end that SQLite wrote for this process's last commit and synced; 0 for none.
    private let synced = Mutex(0)

    /// Of the catalog at `catalog`, with notes in the file at `notes`.
    init(catalog: String, notes: String) throws {
        path = "\(catalog)-wal"
        self.notes = try FileDescriptor.open(notes, O_RDWR | O_CREAT, mode: 0o644)
        // So that noting a failure needs no room on the disk; where there is none now it is asked for then.
        _ = posix_fallocate(self.notes.number, 0, off_t(CatalogLog.durablePlace + MemoryLayout<UInt64>.size))
    }

    /// Whether a sync has failed, in any process, and the log has not been written anew since.
    var isInDoubt: Bool { own.withLock { $0.isThere } || noted?.isThere ?? true }

    /// Says that bytes of the log may be in memory only.
    func doubt() {
        // Whoever mends it says what he has seen before: a later one stays.
        let failure = UInt64(truncatingIfNeeded: Clock.monotonic) ^ UInt64(UInt32(bitPattern: getpid())) << 32 | 1
        do { try note(Doubt(failure: failure), at: 0, count: MemoryLayout<UInt64>.size) } catch { own.withLock { $0.failure = failure } }
    }

    /// Waits until the log's bytes are durable; gives whether that can be believed. Throws `PosixError`.
    func sync() throws -> Bool {
        let file = try file.withLock { file in
            if let file { return file }
            let opened = try FileDescriptor.open(path, O_RDWR)
            file = opened
            return opened
        }
        do { try file.syncData() } catch {
            doubt()
            throw error
        }
        return !isInDoubt
    }

    /// Writes the log's bytes, from the first that are not known to be durable to its last commit, anew in their places, and waits until they
    /// are durable. What is durable is left alone: a sync of what was written over it may fail, too. Called inside a write transaction, before
    /// it changes anything. Throws `PosixError`.
    func rewrite(_ database: Database) throws {
        let before = (own: own.withLock { $0.failure }, noted: noted?.failure)
        let (position, shape) = (database.logPosition, try database.logShape())
        if position?.frames != 0 {
            let file = try FileDescriptor.open(path, O_RDWR)
            do {
                try copy(file, range(of: shape, position))
                try file.syncData()
            } catch {
                doubt()
                throw error
            }
            // Also where more was noted: there is no more.
            if let position { try? write(durable: position) }
        }
        own.withLock { $0.mended = before.own }
        if let failure = before.noted { try note(Doubt(mended: failure), at: MemoryLayout<UInt64>.size, count: MemoryLayout<UInt64>.size) }
    }

    /// A write transaction begins.
    func beginCommit() { synced.withLock { $0 = 0 } }

    /// A write transaction has ended that waits for the disk, in the log that was at `before` when it began: it is durable, and all before it.
    func endCommit(_ database: Database, after before: LogPosition?) {
        let end = synced.withLock { $0 }
        // Where the log began anew meanwhile the next one notes it.
        guard end > 0, let before, let now = database.logPosition, before.log == now.log, let shape = try? database.logShape() else {
            return
        }
        note(durable: LogPosition(log: before.log, frames: shape.frames(in: end)))
    }

    /// Notes for all processes how far the log is durable. Whether that can be noted is nobody's concern: then more is written anew.
    func note(durable position: LogPosition) {
        if let known = notedDurable, known.log == position.log, known.frames >= position.frames { return }
        try? write(durable: position)
    }

    private func write(durable position: LogPosition) throws {
        try withUnsafeBytes(of: position.value) { try notes.write($0, at: CatalogLog.durablePlace) }
    }

    /// How many of the frames of a log are known to be durable. A note of more than there are is of another file, and others know nothing of a
    /// failure that could not be told to them.
    private func durable(of position: LogPosition?) -> Int {
        guard let position, let known = notedDurable, known.log == position.log, known.frames <= position.frames else { return 0 }
        return own.withLock { $0.isThere } ? 0 : known.frames
    }

    /// The bytes to be written anew: to the last commit, and at least to the end of the page of memory that holds the end of what is durable,
    /// which may be lost with what was written behind it.
    private func range(of shape: LogShape, _ position: LogPosition?) -> Range<Int> {
        let start = shape.end(of: durable(of: position))
        let page = sysconf(Int32(_SC_PAGESIZE))
        return start..<max(position.map { shape.end(of: $0.frames) } ?? .max, (start + page - 1) / page * page)
    }

    private var notedDurable: LogPosition? {
        var value: UInt64 = 0
        let count = try? withUnsafeMutableBytes(of: &value) { try notes.read(into: $0, at: CatalogLog.durablePlace) }
        return count == MemoryLayout<UInt64>.size ? LogPosition(value) : nil
    }

    /// What was noted of a log in which nothing is committed: nothing of it is durable.
    func forget(_ position: LogPosition) { if notedDurable?.log == position.log { try? write(durable: position) } }

    /// Where the notes say how far the log is durable: behind the doubt.
    private static let durablePlace = MemoryLayout<Doubt>.size

    /// Sees every sync of the log by a connection.
    func watch(_ database: Database) throws { try database.watchLog(CatalogLog.watch, Unmanaged.passRetained(self)) }

    private func copy(_ file: FileDescriptor, _ range: Range<Int>) throws {
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, range.upperBound - offset)])
                let count = try file.read(into: part, at: offset)
                guard count > 0 else { return }
                try file.write(UnsafeRawBufferPointer(rebasing: part[..<count]), at: offset)
                offset += count
            }
        }
    }

    /// What processes have noted; nil when that cannot be read.
    private var noted: Doubt? {
        var doubt = Doubt()
        return (try? withUnsafeMutableBytes(of: &doubt) { try notes.read(into: $0, at: 0) }).map { _ in doubt }
    }

    /// Writes `count` bytes of `doubt`, which begin at `offset`.
    private func note(_ doubt: Doubt, at offset: Int, count: Int) throws {
        try withUnsafeBytes(of: doubt) {
            try notes.write(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]), at: offset)
        }
    }

    nonisolated(unsafe) private static let watch: UnsafePointer<rx_log_watch> = {
        let watch = UnsafeMutablePointer<rx_log_watch>.allocate(capacity: 1)
        watch.initialize(
            to: rx_log_watch(
                synced: { context, endedWell, end in
                    let log = Unmanaged<CatalogLog>.fromOpaque(context!).takeUnretainedValue()
                    guard log.believes(endedWell != 0) else { return 0 }
                    // Only who commits has written to it.
                    if end > 0 { log.synced.withLock { $0 = Int(end) } }
                    return 1
                }, closed: { Unmanaged<CatalogLog>.fromOpaque($0!).release() }))
        return UnsafePointer(watch)
    }()

    /// Whether a sync by SQLite is believed.
    private func believes(_ endedWell: Bool) -> Bool {
        guard endedWell, (try? retrying("sqlite", path) { 0 }) != nil else {
            doubt()
            return false
        }
        return !isInDoubt
    }
}
