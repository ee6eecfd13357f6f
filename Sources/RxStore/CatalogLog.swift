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
    /// Whether all that the log has is durable, or was written anew, since this process opened it: of what failed before it hears nothing.
    private let isTrusted = Atomic(false)
    /// What this process's last write transaction writes to: which log, in which form, and whether SQLite has synced it.
    private let commit = Mutex((log: UInt32(0), shape: LogShape?.none, isSynced: false))
    /// How far all have committed; known once a connection is watched.
    private let commits = Mutex<CommitCounter?>(nil)
    /// Held by who notes how far the log is durable, with the lock of its file.
    private let turn = Mutex(())
    /// The run of the machine that this is; 0 where that is not known.
    private let boot: UInt64

    /// Of the catalog at `catalog`, with notes in the file at `notes`.
    init(catalog: String, notes: String) throws {
        path = "\(catalog)-wal"
        self.notes = try LogNotes(notes)
        boot = FileSystem.isLocal(notes) ? Host.boot ?? 0 : 0
    }

    /// Whether a write transaction has nothing to do first (`prepare`).
    func isReady(_ database: Database) -> Bool {
        // The position first: nobody notes less than there was.
        guard let position = database.logPosition, let noted = try? notes.read() else { return false }
        return hasBegun(noted) && !isInDoubt(noted) && isTrusted(position, noted)
    }

    /// What a write transaction does before it changes anything: notes in which run of the machine the log is used, and writes a log in doubt
    /// anew, as well as what may have been lost before this process could hear of it. Throws `PosixError`, and `RegistryError`.
    func prepare(_ database: Database) throws {
        var noted = try notes.read()
        if !hasBegun(noted) {
            try begin(database, noted)
            noted = try notes.read()
        }
        let position = try position(in: database)
        if isInDoubt(noted) || !isTrusted(position, noted) { try rewrite(database) }
        // Who has synced what was committed notes it of the log that is noted already.
        if LogPosition(noted.durable).log != position.log { try change { known(position, $0) } }
        let shape = try commit.withLock { $0.shape } ?? database.logShape()
        commit.withLock { $0 = (position.log, shape, false) }
    }

    /// Whether nothing of the log can have been lost in a sync that failed before this process had it open: whoever heard of that may have been
    /// killed before he noted it. And whether nobody was killed between a note and what it is of, or while he wrote the log anew.
    private func isTrusted(_ position: LogPosition, _ noted: LogNotes.Values) -> Bool {
        let known = known(position, LogPosition(noted.durable))
        guard !known.isOpen, known.frames <= position.frames else { return false }
        if isTrusted.load(ordering: .acquiring) { return true }
        guard known.frames == position.frames else { return false }
        isTrusted.store(true, ordering: .releasing)
        return true
    }

    /// What a note says of a log; nothing when it is of another one.
    private func known(_ position: LogPosition, _ noted: LogPosition) -> LogPosition {
        noted.log == position.log ? noted : LogPosition(log: position.log, frames: 0)
    }

    /// Whether it is noted, and the note is durable, in which run of the machine the log is used, and that the notes are of this file.
    private func hasBegun(_ noted: LogNotes.Values) -> Bool {
        noted.boot == boot && noted.durableBoot == boot && noted.file == notes.identity
    }

    /// Notes that. What the log had when the machine was started came from the disk, or from what the disk or a host had in memory, which a sync
    /// ends: all of it is durable then, whatever was noted before, and to write it anew would only put it at risk. Of a copy, and where that
    /// sync fails, nothing is known to be durable. Source: Specs/05-store, STO-093, STO-094.
    private func begin(_ database: Database, _ before: LogNotes.Values) throws {
        let isCopy = CatalogLog.differ(before.file, notes.identity)
        let isStarted = CatalogLog.differ(before.boot, boot)
        let position = try position(in: database)
        if isCopy || isStarted {
            try notes.write(0, at: \.durableBoot)
            try change { _ in LogPosition(log: position.log, frames: 0) }
        }
        try notes.write(notes.identity, at: \.file)
        try notes.write(boot, at: \.boot)
        if isStarted, !isCopy {
            // Who is killed here leaves a log of which nothing is known, and no other try forgives what fails.
            if (try? opened().syncData()) == nil {
                doubt()
            } else {
                try change { _ in position }
                // A failure that is told meanwhile is a later one.
                try notes.write(before.doubt.failure, at: \.doubt.mended)
            }
        }
        // The next run of the machine has to find it; of a new file the name, too.
        try notes.sync()
        try Files.syncFolder(Files.folder(of: path))
        try notes.write(boot, at: \.durableBoot)
    }

    private func position(in database: Database) throws -> LogPosition {
        guard let position = database.logPosition else {
            throw RegistryError("catalog \(path): the index of its log cannot be read", code: .internalError)
        }
        return position
    }

    /// Where either is not known, nobody knows.
    private static func differ(_ noted: UInt64, _ own: UInt64) -> Bool { noted != own && noted != 0 && own != 0 }

    /// Whether a sync has failed, in any process, and the log has not been written anew since.
    var isInDoubt: Bool { (try? notes.read()).map(isInDoubt) ?? true }

    private func isInDoubt(_ noted: LogNotes.Values) -> Bool { own.withLock { $0.isThere } || noted.doubt.isThere }

    /// Whether what the log has can be believed: it is not in doubt, and this process has had it open for long enough to know.
    var isSound: Bool { isTrusted.load(ordering: .acquiring) && !isInDoubt }

    /// Says that bytes of the log may be in memory only.
    func doubt() {
        // Whoever mends it says what he has seen before: a later one stays.
        let failure = UInt64(truncatingIfNeeded: Clock.monotonic) ^ UInt64(UInt32(bitPattern: getpid())) << 32 | 1
        do { try notes.write(failure, at: \.doubt.failure) } catch { own.withLock { $0.failure = failure } }
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

    /// Waits until what was committed before is durable, and notes it, so that nobody writes it anew any more. False where somebody just does that,
    /// or has to, or the end of what was committed cannot be told. Throws `PosixError`.
    func sync() throws -> Bool {
        let position = commits.withLock { $0 }?.position
        let file = try opened()
        do { try file.syncData() } catch {
            doubt()
            throw error
        }
        guard isSound, let position else { return false }
        var isNoted = true
        try change { noted in
            // What was in a log before this one is in the database.
            guard noted.log == position.log, noted.frames < position.frames else { return noted }
            isNoted = !noted.isOpen
            return isNoted ? position : noted
        }
        return isNoted
    }

    /// Changes the note of how far the log is durable while nobody else does. Throws `PosixError`.
    private func change(_ body: (LogPosition) -> LogPosition) throws {
        let file = try opened()
        try turn.withLock { _ in
            _ = try retrying("flock", path) { flock(file.number, LOCK_EX) }
            defer { flock(file.number, LOCK_UN) }
            let noted = LogPosition(try notes.read().durable)
            let next = body(noted)
            if next != noted { try notes.write(next.value, at: \.durable) }
        }
    }

    /// Writes the log's bytes, from the first that are not known to be durable to its last commit, anew in their places, and waits until they
    /// are durable. What is durable is left alone: a sync of what was written over it may fail, too. Called inside a write transaction, before
    /// it changes anything. Throws `PosixError`, and `RegistryError` when not all of them are what was written to it: it stays in doubt.
    func rewrite(_ database: Database) throws {
        let before = (own: own.withLock { $0.failure }, noted: try notes.read().doubt.failure)
        let position = try position(in: database)
        // Who has synced more of it from now on, and has not noted it, waits for the end of this before he reports it.
        var first = 0
        try change { noted in
            let known = known(position, noted)
            // A note of more than there is is of another file, and others know nothing of a failure that could not be told to them.
            first = known.frames > position.frames || own.withLock { $0.isThere } ? 0 : known.frames
            return LogPosition(log: position.log, frames: first, isOpen: true)
        }
        if position.frames > 0 {
            let file = try FileDescriptor.open(path, O_RDWR)
            do {
                try LogCopy(file, try database.logShape()).write(from: first, to: position.frames)
                try file.syncData()
            } catch {
                doubt()
                throw error
            }
        }
        try change { _ in position }
        isTrusted.store(true, ordering: .releasing)
        own.withLock { $0.mended = before.own }
        try notes.write(before.noted, at: \.doubt.mended)
    }

    /// Whether the last write transaction is durable, as it is when it has changed anything and waits for the disk.
    var hasSynced: Bool { commit.withLock { $0.isSynced } }

    /// Notes what SQLite has written and synced for a commit, which ends only then: before anybody else can write the log anew.
    private func note(to end: Int, begun: UInt32) throws {
        let (log, shape) = commit.withLock { commit in
            if begun != 0 { commit.log = begun }
            commit.isSynced = true
            return (commit.log, commit.shape)
        }
        guard let shape else { return }
        let position = LogPosition(log: log, frames: shape.frames(writtenTo: end))
        try change { $0.log == log && $0.frames >= position.frames ? $0 : position }
    }

    /// Sees every sync of the log by a connection.
    func watch(_ database: Database) throws {
        // Of the first, which is there for as long as any.
        if commits.withLock({ $0 == nil }) {
            let counter = try database.commits()
            commits.withLock { $0 = counter }
        }
        try database.watchLog(CatalogLog.watch, Unmanaged.passRetained(self))
    }

    nonisolated(unsafe) private static let watch: UnsafePointer<rx_log_watch> = {
        let watch = UnsafeMutablePointer<rx_log_watch>.allocate(capacity: 1)
        watch.initialize(
            to: rx_log_watch(
                synced: { context, endedWell, end, begun in
                    let log = Unmanaged<CatalogLog>.fromOpaque(context!).takeUnretainedValue()
                    // Only who commits has written to it.
                    return log.believes(endedWell != 0, end: Int(end), begun: begun) ? 1 : 0
                }, closed: { Unmanaged<CatalogLog>.fromOpaque($0!).release() }))
        return UnsafePointer(watch)
    }()

    /// Whether a sync by SQLite is believed. Who moves the log's pages may have opened it a moment ago, and a failure before that was told to
    /// others alone; who commits has had it open from the beginning.
    private func believes(_ endedWell: Bool, end: Int, begun: UInt32) -> Bool {
        guard endedWell, (try? retrying("sqlite", path) { 0 }) != nil else {
            doubt()
            return false
        }
        guard end > 0 else { return (try? sync()) ?? false }
        return isSound && (try? note(to: end, begun: begun)) != nil
    }
}
