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
    /// The run of the machine that this is; 0 where that is not known.
    private let boot: UInt64

    /// Of the catalog at `catalog`, with notes in the file at `notes`.
    init(catalog: String, notes: String) throws {
        path = "\(catalog)-wal"
        self.notes = try LogNotes(notes)
        boot = FileSystem.isElsewhere(notes) ? 0 : Host.boot ?? 0
    }

    /// Whether a write transaction has nothing to do first (`prepare`).
    var isReady: Bool { (try? notes.read()).map { hasBegun($0) && !isInDoubt($0) } ?? false }

    /// What a write transaction does before it changes anything: notes in which run of the machine the log is used, and writes a log in doubt
    /// anew. Throws `PosixError`, and `RegistryError`.
    func prepare(_ database: Database) throws {
        var noted = try notes.read()
        if !hasBegun(noted) {
            try begin(database, noted)
            noted = try notes.read()
        }
        if isInDoubt(noted) { try rewrite(database) }
    }

    /// Whether it is noted, and the note is durable, in which run of the machine the log is used, and that the notes are of this file.
    private func hasBegun(_ noted: LogNotes.Values) -> Bool {
        noted.boot == boot && noted.durableBoot == boot && noted.file == notes.identity
    }

    /// Notes that. What the log had when the machine was started came from the disk: all of it is durable, whatever was noted before, and to
    /// write it anew would only put it at risk. Of a copy nothing is known to be durable. Source: Specs/05-store, STO-093, STO-094.
    private func begin(_ database: Database, _ before: LogNotes.Values) throws {
        let isCopy = CatalogLog.differ(before.file, notes.identity)
        if isCopy || isOfAnotherRun(before) {
            guard let position = database.logPosition else {
                throw RegistryError("catalog \(path): the index of its log cannot be read", code: .internalError)
            }
            if isCopy {
                try notes.write(0, at: \.durableBoot)
                try notes.write(LogPosition(log: position.log, frames: 0).value, at: \.durable)
            } else {
                try notes.write(position.value, at: \.durable)
                // A failure that is told meanwhile is a later one.
                try notes.write(before.doubt.failure, at: \.doubt.mended)
            }
        }
        try notes.write(notes.identity, at: \.file)
        try notes.write(boot, at: \.boot)
        // The next run of the machine has to find it; of a new file the name, too.
        try notes.sync()
        try Files.syncFolder(Files.folder(of: path))
        try notes.write(boot, at: \.durableBoot)
    }

    private func isOfAnotherRun(_ noted: LogNotes.Values) -> Bool { CatalogLog.differ(noted.boot, boot) }

    /// Where either is not known, nobody knows.
    private static func differ(_ noted: UInt64, _ own: UInt64) -> Bool { noted != own && noted != 0 && own != 0 }

    /// Whether a sync has failed, in any process, and the log has not been written anew since.
    var isInDoubt: Bool { (try? notes.read()).map(isInDoubt) ?? true }

    private func isInDoubt(_ noted: LogNotes.Values) -> Bool { own.withLock { $0.isThere } || noted.doubt.isThere }

    /// Says that bytes of the log may be in memory only.
    func doubt() {
        // Whoever mends it says what he has seen before: a later one stays.
        let failure = UInt64(truncatingIfNeeded: Clock.monotonic) ^ UInt64(UInt32(bitPattern: getpid())) << 32 | 1
        do { try notes.write(failure, at: \.doubt.failure) } catch { own.withLock { $0.failure = failure } }
    }

    /// Says the same of the log that a store's first process finds: a sync may have failed in one that is dead. In another run of the machine
    /// it was read from the disk since.
    func distrust() {
        if let noted = try? notes.read(), isOfAnotherRun(noted), !CatalogLog.differ(noted.file, notes.identity) { return }
        doubt()
    }

    /// The log's file, opened once. A failure is told to those who had it open before: so this comes first. Throws `PosixError`.
    func opened() throws -> FileDescriptor {
        try file.withLock { file in
            if let file { return file }
            let opened = try FileDescriptor.open(path, O_RDWR)
            file = opened
            return opened
        }
    }

    /// Waits until the log's bytes are durable; gives whether that can be believed. Throws `PosixError`.
    func sync() throws -> Bool {
        let file = try opened()
        do { try file.syncData() } catch {
            doubt()
            throw error
        }
        return !isInDoubt
    }

    /// Writes the log's bytes, from the first that are not known to be durable to its last commit, anew in their places, and waits until they
    /// are durable. What is durable is left alone: a sync of what was written over it may fail, too. Called inside a write transaction, before
    /// it changes anything. Throws `PosixError`, and `RegistryError` when not all of them are what was written to it: it stays in doubt.
    func rewrite(_ database: Database) throws {
        let before = (own: own.withLock { $0.failure }, noted: try notes.read().doubt.failure)
        guard let position = database.logPosition else {
            throw RegistryError("catalog \(path): the index of its log cannot be read", code: .internalError)
        }
        if position.frames > 0 {
            let file = try FileDescriptor.open(path, O_RDWR)
            do {
                try LogCopy(file, try database.logShape()).write(from: durable(of: position), to: position.frames)
                try file.syncData()
            } catch {
                doubt()
                throw error
            }
            // Also where more was noted: there is no more.
            try? notes.write(position.value, at: \.durable)
        }
        own.withLock { $0.mended = before.own }
        try notes.write(before.noted, at: \.doubt.mended)
    }

    /// A write transaction begins.
    func beginCommit() { synced.withLock { $0 = 0 } }

    /// A write transaction has ended that waits for the disk, in the log that was at `before` when it began: it is durable, and all before it.
    /// False when it changed nothing, and so waited for nothing.
    func endCommit(_ database: Database, after before: LogPosition?) -> Bool {
        let end = synced.withLock { $0 }
        guard end > 0 else { return false }
        // Where the log began anew meanwhile the next one notes it.
        if let before, let now = database.logPosition, before.log == now.log, let shape = try? database.logShape() {
            note(durable: LogPosition(log: before.log, frames: shape.frames(in: end)))
        }
        return true
    }

    /// Notes for all processes how far the log is durable. Whether that can be noted is nobody's concern: then more is written anew.
    func note(durable position: LogPosition) {
        if let known = notedDurable, known.log == position.log, known.frames >= position.frames { return }
        try? notes.write(position.value, at: \.durable)
    }

    /// How many of the frames of a log are known to be durable. A note of more than there are is of another file, and others know nothing of a
    /// failure that could not be told to them.
    private func durable(of position: LogPosition) -> Int {
        guard let known = notedDurable, known.log == position.log, known.frames <= position.frames else { return 0 }
        return own.withLock { $0.isThere } ? 0 : known.frames
    }

    private var notedDurable: LogPosition? { (try? notes.read()).map { LogPosition($0.durable) } }

    /// What was noted of a log in which nothing is committed: nothing of it is durable.
    func forget(_ position: LogPosition) {
        if notedDurable?.log == position.log { try? notes.write(position.value, at: \.durable) }
    }

    /// Sees every sync of the log by a connection.
    func watch(_ database: Database) throws { try database.watchLog(CatalogLog.watch, Unmanaged.passRetained(self)) }

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
