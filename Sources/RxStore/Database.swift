import CSQLite
import Glibc
import RxModel

/// One SQLite connection; used by one thread at a time.
final class Database {
    /// How often a statement asks for the lock that another process has, about once a millisecond. Writes are short; a wait this long means
    /// a hang.
    static let patience: Int32 = 600_000
    /// No file is longer, and a number with a fraction (IEEE 754) holds it.
    static let largestSize = 1 << 53
    /// What is counted from the latest `now`, such as the end of a lease, is before this.
    static let latestTime = 1 << 41

    private let handle: OpaquePointer
    private let path: String
    private var statements: [UnsafePointer<UInt8>: Statement] = [:]

    /// Opens, and creates when absent, the database at `path`. Throws `RegistryError`.
    init(path: String) throws {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let result = sqlite3_open_v2(path, &handle, flags, nil)
        guard let handle, result == SQLITE_OK else {
            defer { sqlite3_close_v2(handle) }
            throw Database.failure(handle, result, path)
        }
        self.handle = handle
        self.path = path
        sqlite3_busy_handler(handle, { _, attempt in Database.waitForOthers(attempt) }, nil)
    }

    /// Sleeps before another attempt to have the write lock: briefly, because whoever has it leaves it to others for as briefly.
    private static func waitForOthers(_ attempt: Int32) -> Int32 {
        guard attempt < patience else { return 0 }
        usleep(attempt < 8 ? 200 : 1000)
        return 1
    }

    deinit {
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Runs several statements without parameters.
    func script(_ sql: String) throws {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw Database.failure(handle, result, path) }
    }

    /// Runs one statement and gives the number of rows it changed.
    @discardableResult
    func run(_ sql: StaticString, _ values: SQLValue...) throws -> Int {
        let statement = try prepared(sql)
        return try statement.run(with: values) {
            while try step(statement) {}
            return Int(sqlite3_changes(handle))
        }
    }

    /// The rows of a query, each turned into a value while it is current.
    func rows<Value>(_ sql: StaticString, _ values: SQLValue..., map: (Row) throws -> Value) throws -> [Value] {
        let statement = try prepared(sql)
        return try statement.run(with: values) {
            var found: [Value] = []
            while try step(statement) { found.append(try map(Row(handle: statement.handle))) }
            return found
        }
    }

    /// The first row of a query, or nil.
    func first<Value>(_ sql: StaticString, _ values: SQLValue..., map: (Row) throws -> Value) throws -> Value? {
        let statement = try prepared(sql)
        return try statement.run(with: values) { try step(statement) ? try map(Row(handle: statement.handle)) : nil }
    }

    /// The rows of a query one at a time, so that several queries can go side by side. For use inside one transaction; another cursor of the
    /// same query ends this one.
    func cursor(_ sql: StaticString, _ values: SQLValue...) throws -> Cursor {
        let statement = try prepared(sql)
        statement.reset()
        statement.bind(values)
        return Cursor(self, statement)
    }

    /// The blob in a column of a row that is there, read in one piece. Inside a transaction.
    func blob(_ column: String, of table: String, row: Int) throws -> [UInt8] {
        var raw: OpaquePointer?
        let result = sqlite3_blob_open(handle, "main", table, column, Int64(row), 0, &raw)
        defer { sqlite3_blob_close(raw) }
        guard result == SQLITE_OK, let raw else { throw Database.failure(handle, result, path) }
        let count = Int(sqlite3_blob_bytes(raw))
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let result = sqlite3_blob_read(raw, buffer.baseAddress, Int32(count), 0)
            guard result == SQLITE_OK else { throw Database.failure(handle, result, path) }
            filled = count
        }
    }

    /// The id of the row inserted last.
    var lastInsertedID: Int { Int(sqlite3_last_insert_rowid(handle)) }

    /// What changes with every commit of any process, in memory that is read without a call to the system.
    func commits() throws -> CommitCounter {
        _ = try snapshot { try first("SELECT 1 FROM sqlite_schema") { _ in } }
        return CommitCounter(index: rx_sqlite3_wal_index(handle))
    }

    /// Which log there is, and how far it holds what was committed; nil when that cannot be told. Inside a transaction.
    var logPosition: LogPosition? { CommitCounter(index: rx_sqlite3_wal_index(handle)).position }

    /// How the log lies in its file.
    func logShape() throws -> LogShape { LogShape(pageSize: try first("PRAGMA page_size") { $0.int(0) } ?? 4096) }

    /// Lets `watch` see every sync of the log by this connection; it releases `context` with the log. Throws `RegistryError`.
    func watchLog(_ watch: UnsafePointer<rx_log_watch>, _ context: Unmanaged<CatalogLog>) throws {
        guard rx_sqlite3_watch_log(handle, watch, context.toOpaque()) == 0 else { return }
        context.release()
        throw RegistryError("catalog \(path): its log cannot be watched", code: .internalError)
    }

    /// Runs `body` inside one write transaction, taken at once; a thrown error undoes all of it.
    func write<Value>(_ body: () throws -> Value) throws -> Value { try scope("BEGIN IMMEDIATE", body) }

    /// Runs `body` against one unchanging state of the database.
    func snapshot<Value>(_ body: () throws -> Value) throws -> Value { try scope("BEGIN", body) }

    private func scope<Value>(_ begin: StaticString, _ body: () throws -> Value) throws -> Value {
        try run(begin)
        do {
            let value = try body()
            try run("COMMIT")
            return value
        } catch {
            if sqlite3_get_autocommit(handle) == 0 { _ = try? run("ROLLBACK") }
            throw error
        }
    }

    fileprivate func step(_ statement: Statement) throws -> Bool {
        switch sqlite3_step(statement.handle) {
        case SQLITE_ROW: true
        case SQLITE_DONE: false
        case let result: throw Database.failure(handle, result, path)
        }
    }

    private func prepared(_ sql: StaticString) throws -> Statement {
        if let statement = statements[sql.utf8Start] { return statement }
        var raw: OpaquePointer?
        let result = sqlite3_prepare_v3(handle, sql.description, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &raw, nil)
        guard let raw, result == SQLITE_OK else { throw Database.failure(handle, result, path) }
        let statement = Statement(handle: raw)
        statements[sql.utf8Start] = statement
        return statement
    }

    private static func failure(_ handle: OpaquePointer?, _ result: Int32, _ path: String) -> RegistryError {
        let words = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
        let isFull = handle.map { [ENOSPC, EDQUOT].contains(sqlite3_system_errno($0)) } ?? false
        switch result & 0xFF {
        case SQLITE_IOERR where isFull, SQLITE_CANTOPEN where isFull:
            return RegistryError(
                "catalog \(path): No space left on device", code: .storageFull, hint: "free some space and run the same command again")
        case SQLITE_FULL:
            return RegistryError("catalog \(path): \(words)", code: .storageFull, hint: "free some space and run the same command again")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return RegistryError(
                "catalog \(path) is damaged: \(words)", code: .storeUnusable,
                hint: "restore it from a backup; the blobs beside it are intact files named by their digests")
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM:
            return RegistryError(
                "catalog \(path) cannot be opened for writing: \(words)", code: .storeUnusable,
                hint: "check the owner and permissions of its folder")
        default:
            return RegistryError("catalog \(path): \(words) (SQLite \(result))", code: .internalError)
        }
    }
}

/// A prepared statement, kept for the next call.
final class Statement {
    /// Where no bytes are: SQLite takes nil for NULL.
    private static var empty: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 1)! }

    let handle: OpaquePointer

    init(handle: OpaquePointer) { self.handle = handle }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// Runs `body` with these values for the parameters, and then resets the statement. A long blob is read where it is, not copied.
    func run<Value>(with values: [SQLValue], _ body: () throws -> Value) rethrows -> Value {
        let long = values.firstIndex(where: \.isLong)
        bind(values, without: long)
        guard let long, case .blob(let bytes) = values[long] else {
            defer { reset() }
            return try body()
        }
        return try bytes.withUnsafeBytes { bytes in
            // While the bytes are where they are.
            defer { reset() }
            _ = rx_sqlite3_bind_lasting_blob(handle, Int32(long + 1), bytes.baseAddress, Int32(bytes.count))
            return try body()
        }
    }

    /// Gives the parameters their values, copied, but for the one at `skipped`.
    func bind(_ values: [SQLValue], without skipped: Int? = nil) {
        for (index, value) in values.enumerated() where index != skipped {
            let position = Int32(index + 1)
            switch value {
            case .null: sqlite3_bind_null(handle, position)
            case .integer(let value): sqlite3_bind_int64(handle, position, Int64(value))
            case .text(var text): text.withUTF8 { _ = rx_sqlite3_bind_text(handle, position, $0.baseAddress, Int32($0.count)) }
            case .blob(let bytes):
                bytes.withUnsafeBytes { _ = rx_sqlite3_bind_blob(handle, position, $0.baseAddress ?? Statement.empty, Int32($0.count)) }
            }
        }
    }
}

/// A query whose rows are taken one at a time.
final class Cursor {
    private let database: Database
    private let statement: Statement

    fileprivate init(_ database: Database, _ statement: Statement) {
        self.database = database
        self.statement = statement
    }

    deinit { statement.reset() }

    /// The next row, valid until the one after it is asked for; nil after the last.
    func next() throws -> Row? { try database.step(statement) ? Row(handle: statement.handle) : nil }
}

/// The current row of a query; valid inside the closure it is handed to.
struct Row {
    let handle: OpaquePointer

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

    /// A length in bytes or a number of files: what a damaged catalog says beyond what there is counts as the nearest that there is.
    func size(_ column: Int32) -> Int { min(max(int(column), 0), Database.largestSize) }

    /// A time in seconds since 1970, likewise.
    func time(_ column: Int32) -> Int { min(max(int(column), 0), Database.latestTime) }

    func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(handle, column) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self)
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
    }

    func digest(_ column: Int32) throws -> Digest {
        let start = sqlite3_column_blob(handle, column)
        guard let digest = Digest(raw: UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))) else {
            throw RegistryError("the catalog holds a broken digest", code: .storeUnusable)
        }
        return digest
    }
}
