import Glibc
import RxPosix

/// The folder an operation stages in, locked for as long as the operation lives: a collection tells the dead from the living by it.
final class StagingFolder: Sendable {
    static let lockName = "owner"

    let path: String
    private let lock: FileDescriptor

    init(path: String) throws {
        self.path = path
        try Files.makeFolders(path, mode: 0o700)
        do throws(PosixError) {
            let lock = try FileDescriptor.open("\(path)/\(StagingFolder.lockName)", O_RDWR | O_CREAT, mode: 0o600)
            _ = try retrying("flock", lock.path) { flock(lock.number, LOCK_EX | LOCK_NB) }
            self.lock = lock
        } catch {
            try? Files.removeTree(path)
            throw error
        }
    }

    /// Makes the files' bytes durable. A failed sync is never tried again: the pages may be gone (fsync(2), EIO).
    func syncFiles(_ paths: [String], singly: Bool) throws {
        guard singly else { return try syncFileSystem() }
        for path in paths { try FileDescriptor.open(path, O_RDONLY).sync() }
    }

    /// Makes everything on the store's file system durable.
    func syncFileSystem() throws { try lock.syncFileSystem() }

    /// Removes the folder and what is left in it; what cannot be removed now is removed by a collection.
    func remove() { try? Files.removeTree(path) }

    /// Whether the operation that made the folder has ended without removing it.
    static func isAbandoned(_ path: String, youngest: Int) -> Bool {
        guard let lock = try? FileDescriptor.open("\(path)/\(lockName)", O_RDWR) else {
            // Between its making and its lock a folder is young.
            guard let status = try? Files.status(path) else { return false }
            return status.modifiedAt / 1_000_000_000 < youngest
        }
        return flock(lock.number, LOCK_EX | LOCK_NB) == 0
    }
}
