import CSQLite

/// Tells whether anything was committed to a database in WAL mode, by any process, from the header of its WAL-index.
///
/// SQLite itself decides by that header whether what it has cached still holds. `PRAGMA data_version` says the same, at the price of a
/// read transaction with its file locks. Source: https://sqlite.org/walformat.html, section 2.1.
struct CommitCounter: @unchecked Sendable {
    // The memory belongs to a connection that outlives this value; processes share it, and it is read atomically.
    private let index: UnsafeRawPointer?

    init(index: UnsafeRawPointer?) { self.index = index }

    /// How many frames, each a page, the log has of what was committed; nil when it cannot be told now.
    var frame: Int? { position?.frames }

    /// Which log there is, and how far it holds what was committed; nil when it cannot be told now.
    var position: LogPosition? { value.map { LogPosition(UInt64(UInt(bitPattern: $0))) } }

    /// Another value after every commit; nil when it cannot be told now.
    var value: Int? {
        var position: UInt64 = 0
        guard let index, rx_sqlite3_wal_position(index, &position) != 0 else { return nil }
        return Int(bitPattern: UInt(position))
    }
}
