import Glibc
public import RxModel
import RxPosix

/// What a file looked like when it was hashed: if nothing of it changed, its content did not change either.
public struct FileStamp: Sendable, Hashable {
    /// The absolute path without symlinks.
    public let path: String
    /// Length in bytes.
    public let size: Int
    /// Last change of the content, in nanoseconds since 1970.
    public let modifiedAt: Int
    /// Last change of anything, in nanoseconds since 1970; cannot be set back, as `modifiedAt` can.
    public let changedAt: Int
    /// The file's number on its device.
    public let inode: UInt64

    /// Describes a file as it was before it was read.
    public init(path: String, size: Int, modifiedAt: Int, changedAt: Int, inode: UInt64) {
        self.path = path
        self.size = size
        self.modifiedAt = modifiedAt
        self.changedAt = changedAt
        self.inode = inode
    }
}

/// Remembers which blob a working file was hashed to, so that adding an unchanged tree reads no file content.
///
/// Derived data: it lives in the store's cache/ and may be deleted at any time. Source: Specs/05-store, hash cache rules.
public final class FileHashCache: @unchecked Sendable {
    // Used by one thread at a time.
    /// A file changed this short a time before it was stamped could change again within the same tick of the file system's clock.
    static let clockTick = 10_000_000

    private let layout: StoreLayout
    private var database: Database?
    private var path: String { "\(layout.cache)/files.sqlite" }

    /// Opens the cache of a store. One that cannot be used remembers nothing: an add then reads every file, and does not fail.
    public init(of store: DiskStore) {
        layout = store.layout
        database = attempt { try FileHashCache.open(path) }
        if database == nil { database = attempt { try FileHashCache.open(path) } }
    }

    /// Runs work on the cache; nil when it fails. A damaged database is deleted, for the next time to make it anew.
    private func attempt<Value>(_ body: () throws -> Value) -> Value? {
        do { return try body() } catch let error as RegistryError where error.code == .storeUnusable {
            database = nil
            for suffix in ["", "-wal", "-shm"] { Files.discard(path + suffix) }
            return nil
        } catch { return nil }
    }

    private static func open(_ path: String) throws -> Database {
        let database = try Database(path: path)
        try database.script(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            CREATE TABLE IF NOT EXISTS files (
                path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, inode INTEGER NOT NULL,
                digest BLOB NOT NULL, recorded_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            """)
        return database
    }

    /// The digest of each file that has not changed since it was recorded and whose blob file has not been written to since.
    public func known(_ stamps: [FileStamp]) -> [Digest?] {
        let found = database.flatMap { database in attempt { try database.snapshot { try stamps.map { try known($0, in: database) } } } }
        return found ?? stamps.map { _ in nil }
    }

    private func known(_ stamp: FileStamp, in database: Database) throws -> Digest? {
        let found = try database.first(
            "SELECT digest, recorded_at FROM files WHERE path = ? AND size = ? AND modified_at = ? AND changed_at = ? AND inode = ?",
            .text(stamp.path), .integer(stamp.size), .integer(stamp.modifiedAt), .integer(stamp.changedAt),
            .integer(Int(bitPattern: UInt(stamp.inode)))
        ) { (digest: try $0.digest(0), recordedAt: $0.int(1)) }
        guard let found, let blob = try Files.status(layout.blob(found.digest)), blob.isRegular, blob.modifiedAt <= found.recordedAt else {
            return nil
        }
        return found.digest
    }

    /// Records what files were hashed to. A record is only believed while the blob is in the store. `stampedAt` is when the stamps were taken
    /// (nanoseconds since 1970).
    public func record(_ files: [(stamp: FileStamp, digest: Digest)], stampedAt: Int) {
        guard let database else { return }
        let now = Clock.nanoseconds
        _ = attempt {
            try database.write {
                for (stamp, digest) in files where stamp.changedAt + FileHashCache.clockTick < stampedAt {
                    try database.run(
                        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", .text(stamp.path), .integer(stamp.size),
                        .integer(stamp.modifiedAt), .integer(stamp.changedAt), .integer(Int(bitPattern: UInt(stamp.inode))),
                        .digest(digest),
                        .integer(now))
                }
            }
        }
    }

    /// Writes what was recorded to its final place, which otherwise happens where the cache is let go of; it remembers nothing more.
    public func close() { database = nil }
}
