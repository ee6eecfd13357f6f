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
/// Specs/05-store, STO-090 to STO-093.
final class CatalogLog: Sendable {
    private let path: String
    private let notes: LogNotes
    private let file = Mutex<FileDescriptor?>(nil)
    /// This process's own, for what could not be noted.
    private let own = Mutex(LogNotes.Doubt())
    /// Where the bytes end that SQLite wrote for this process's last commit and synced; 0 for none.
    private let synced = Mutex(0)
    /// The run of the machine that this is; 0 where the system does not say.
    private let boot = Host.boot ?? 0
    private let begun = Atomic(false)

    /// Of the catalog at `catalog`, with notes in the file at `notes`.
    init(catalog: String, notes: String) throws {
        path = "\(catalog)-wal"
        self.notes = try LogNotes(notes)
    }

    /// Whether a write transaction has nothing to do first (`prepare`).
    var isReady: Bool { hasBegun && !isInDoubt }

    /// What a write transaction does before it changes anything: notes in which run of the machine the log is used, and writes a log in doubt
    /// anew. Throws `PosixError`, and `RegistryError`.
    func prepare(_ database: Database) throws {
        if !hasBegun { try begin(database) }
        if isInDoubt { try rewrite(database) }
    }

    /// Whether it is noted, and the note is durable, in which run of the machine the log is used.
    private var hasBegun: Bool {
        if begun.load(ordering: .relaxed) { return true }
        guard let all = try? notes.read(), all.boot == boot, all.durableBoot == boot else { return false }
        begun.store(true, ordering: .relaxed)
        return true
    }

    /// Notes in which run of the machine the log is used. What the log had when the machine was started came from the disk: all of it is
    /// durable, whatever was noted before, and to write it anew would only put it at risk. Source: Specs/05-store, STO-093.
    private func begin(_ database: Database) throws {
        let before = try notes.read()
        // Where either is not known, nobody knows whether this is another one.
        if before.boot != boot, before.boot != 0, boot != 0 {
            guard let position = database.logPosition else {
                throw RegistryError("catalog \(path): the index of its log cannot be read", code: .internalError)
            }
            // Of a store that was copied to here it is not durable yet.
            if position.frames > 0 { _ = try sync() }
            try notes.write(position.value, at: \.durable)
            // A failure that is told meanwhile is a later one.
            try notes.write(before.doubt.failure, at: \.doubt.mended)
        }
        try notes.write(boot, at: \.boot)
        // The next run of the machine has to find it; of a new file the name, too.
        try notes.sync()
        try Files.syncFolder(Files.folder(of: path))
        try notes.write(boot, at: \.durableBoot)
        begun.store(true, ordering: .relaxed)
    }

    /// Whether a sync has failed, in any process, and the log has not been written anew since.
    var isInDoubt: Bool { own.withLock { $0.isThere } || (try? notes.read())?.doubt.isThere ?? true }

    /// Says that bytes of the log may be in memory only.
    func doubt() {
        // Whoever mends it says what he has seen before: a later one stays.
        let failure = UInt64(truncatingIfNeeded: Clock.monotonic) ^ UInt64(UInt32(bitPattern: getpid())) << 32 | 1
        do { try notes.write(failure, at: \.doubt.failure) } catch { own.withLock { $0.failure = failure } }
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
        let before = (own: own.withLock { $0.failure }, noted: (try? notes.read())?.doubt.failure)
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
            if let position { try? notes.write(position.value, at: \.durable) }
        }
        own.withLock { $0.mended = before.own }
        if let failure = before.noted { try notes.write(failure, at: \.doubt.mended) }
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
        try? notes.write(position.value, at: \.durable)
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

    private var notedDurable: LogPosition? { (try? notes.read()).map { LogPosition($0.durable) } }

    /// What was noted of a log in which nothing is committed: nothing of it is durable.
    func forget(_ position: LogPosition) {
        if notedDurable?.log == position.log { try? notes.write(position.value, at: \.durable) }
    }

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
