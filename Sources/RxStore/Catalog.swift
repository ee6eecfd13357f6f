import RxModel
import RxPosix
import Synchronization

/// The catalog's connections: one writer, as many readers as there are threads that read, one that watches for changes.
final class Catalog: Sendable {
    private final class Slot: @unchecked Sendable {
        // Used only by the thread that holds the slot.
        let database: Database
        /// Whether its commits wait for the disk.
        var isDurable = true

        init(_ database: Database) { self.database = database }
    }

    private let path: String
    let log: CatalogLog
    private let writer: Monitor<Slot>
    private let watcher: Monitor<Slot>
    private let commits: CommitCounter
    /// How long work in turns goes about it.
    let pace = Pace()
    private let readers = Mutex<[Slot]>([])

    /// Opens the catalog and brings its schema up to date. Throws `RegistryError`.
    init(path: String) throws {
        self.path = path
        let log = try CatalogLog(catalog: path, notes: "\(path).lock")
        self.log = log
        // Switching a new file to WAL and migrating it happen under a file lock: neither waits for others by itself.
        let database = try Files.locked("\(path).lock") {
            let database = try Catalog.connect(path, log)
            _ = try log.opened()
            try Migrations.check(database, path: path)
            // What cannot be noted or mended now is when somebody waits for it.
            if !log.isReady(database) { try? database.write { try log.prepare(database) } }
            try Migrations.apply(to: database, path: path, log.prepare)
            return database
        }
        writer = Monitor(Slot(database))
        let watching = try Catalog.connect(path, log)
        commits = try watching.commits()
        watcher = Monitor(Slot(watching))
    }

    /// Runs `body` in one write transaction. When this returns it is durable, with all before it; without `durably` it survives a
    /// killed process at once, and a power failure once the next durable one has. `now` never goes back (seconds since 1970).
    @discardableResult
    func write<Value>(durably: Bool = true, _ body: (_ database: Database, _ now: Int) throws -> Value) throws -> Value {
        let (value, isSynced) = try writer.update { slot in
            let database = slot.database
            if slot.isDurable != durably {
                try database.run(durably ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
                slot.isDurable = durably
            }
            let value = try database.write {
                try Migrations.check(database, path: path)
                try log.prepare(database)
                try database.run("UPDATE clock SET now = ?1 WHERE now < ?1", .integer(Clock.now))
                let now = try database.now()
                return try body(database, now)
            }
            return (value, !durably || log.hasSynced)
        }
        if !isSynced { try sync() }
        return value
    }

    /// Runs `body`, which changes nothing in the catalog, while nobody writes to it.
    func exclusively<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try writer.update { slot in try slot.database.write { try body(slot.database) } }
    }

    /// Runs `body` against one unchanging state. Of a log in doubt pages may be missing, and nothing would say so: it is made good first, or
    /// this throws.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try settleLog()
        let slot = try readers.withLock { $0.popLast() } ?? Slot(try Catalog.connect(path, log))
        defer { readers.withLock { $0.append(slot) } }
        return try slot.database.snapshot { try body(slot.database) }
    }

    /// Returns when every transaction that ended before is durable. Throws `PosixError`, and `RegistryError`.
    func sync() throws {
        if try log.sync() { return }
        try exclusively { database in
            try log.prepare(database)
            if try !log.sync() { try log.rewrite(database) }
        }
    }

    /// Writes the log anew where it is in doubt. Throws `PosixError`, and `RegistryError`.
    private func settleLog() throws { if !log.isSound { try exclusively(log.prepare) } }

    /// Moves what is in the log into the database, most of it while others write. What they write meanwhile is moved while they wait, so that
    /// the log begins anew with the next write, and no writer has all of it to move.
    func checkpoint() throws {
        let slot = try readers.withLock { $0.popLast() } ?? Slot(try Catalog.connect(path, log))
        defer { readers.withLock { $0.append(slot) } }
        // The second finds little, and leaves next to nothing.
        for _ in 0..<2 { try slot.database.run("PRAGMA wal_checkpoint(PASSIVE)") }
        try writer.update { slot in _ = try slot.database.run("PRAGMA wal_checkpoint(PASSIVE)") }
    }

    /// Moves what is in the log into the database when it has grown, so that nobody who commits has to: true when it is to be written to at
    /// once, before others do, because then it begins anew. On a full disk it stays where it is.
    func moveLog() -> Bool {
        guard let pages = commits.frame, case let due = pace.isDue(pages: pages), due.move else { return false }
        do {
            let slot = try readers.withLock { $0.popLast() } ?? Slot(try Catalog.connect(path, log))
            defer { readers.withLock { $0.append(slot) } }
            // The second finds little, and leaves next to nothing.
            for _ in 0..<(due.begin ? 2 : 1) { try slot.database.run("PRAGMA wal_checkpoint(PASSIVE)") }
        } catch { return false }
        return due.begin
    }

    /// Looks whether others have committed since the last own turn.
    func noteOthers() { pace.look(commits.value, isOwn: false) }

    /// Notes that the last commit was one's own.
    func noteOwn() { pace.look(commits.value, isOwn: true) }

    /// Changes whenever any process has committed.
    func version() throws -> Int {
        for _ in 0..<Catalog.attempts {
            if let value = commits.value { return value }
            // A commit is just being made known; or its maker was killed at that, and the next reader mends it.
            _ = try watcher.update { slot in try slot.database.snapshot { try slot.database.now() } }
        }
        throw RegistryError("catalog \(path): the index of its log cannot be read", code: .internalError)
    }

    private static let attempts = 100

    private static func connect(_ path: String, _ log: CatalogLog) throws -> Database {
        let database = try Database(path: path)
        try database.script(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 8192; PRAGMA secure_delete = OFF"
        )
        // A new database has no log before it is read.
        _ = try database.first("SELECT 1 FROM sqlite_schema") { _ in }
        try log.watch(database)
        return database
    }
}

extension Database {
    /// The newest time that the catalog has seen, or the wall clock's when that is later; bounded, so that no sum with it overflows.
    func now() throws -> Int { min(max(Clock.now, try first("SELECT now FROM clock") { $0.int(0) } ?? 0), 1 << 40) }

    /// The length that a blob's row says; nil when there is no row.
    func blobSize(_ digest: Digest) throws -> Int? {
        try first("SELECT size FROM blobs WHERE digest = ?", .digest(digest)) { $0.size(0) }
    }

    /// When a blob of this length was put (seconds since 1970); nil when there is no row of it.
    func blobAddedAt(_ digest: Digest, size: Int) throws -> Int? {
        try first("SELECT added_at FROM blobs WHERE digest = ? AND size = ?", .digest(digest), .integer(size)) { $0.time(0) }
    }

    /// Notes that a blob's file is in its place.
    func putBlob(_ blob: StagedBlob, now: Int) throws {
        try run(
            """
            INSERT INTO blobs VALUES (?, ?, ?)
            ON CONFLICT (digest) DO UPDATE SET size = excluded.size, added_at = excluded.added_at
            """, .digest(blob.digest), .integer(blob.size), .integer(now))
    }

    /// How many of the blobs that an operation has leases on are present.
    func presentCount(leasedTo owner: String) throws -> Int {
        try first("SELECT count(*) FROM leases CROSS JOIN blobs USING (digest) WHERE owner = ?", .text(owner)) { $0.int(0) } ?? 0
    }
}
