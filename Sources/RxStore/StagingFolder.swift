import Glibc
import RxPosix
import Synchronization

/// The folder an operation stages in, locked for as long as the operation lives: a collection tells the dead from the living by it.
///
/// Making and locking a folder, and finding it dead and moving it away, happen under one lock file, so that neither sees the other
/// half done: a folder without its owner's lock is dead, however young it is. Source: Specs/05-store.
final class StagingFolder: Sendable {
    private static let ownerName = "owner"

    let path: String
    private let owner: FileDescriptor
    private let failure = Mutex<PosixError?>(nil)

    /// Makes and locks a folder of this name in `staging`.
    init(in staging: String, name: String) throws {
        let path = "\(staging)/\(name)"
        self.path = path
        owner = try Files.locked("\(staging).lock") {
            do throws(PosixError) {
                try Files.makeFolders(path, mode: 0o700)
                let owner = try FileDescriptor.open("\(path)/\(StagingFolder.ownerName)", O_RDWR | O_CREAT, mode: 0o600)
                _ = try retrying("flock", owner.path) { flock(owner.number, LOCK_EX | LOCK_NB) }
                return owner
            } catch {
                try? Files.removeTree(path)
                throw error
            }
        }
    }

    /// Makes the files' bytes durable. A failed sync is never tried again: the pages may be gone (fsync(2), EIO).
    func syncFiles(_ paths: [String], singly: Bool) throws {
        guard singly else { return try syncFileSystem() }
        for path in paths { try FileDescriptor.open(path, O_RDONLY).sync() }
    }

    /// Makes everything on the store's file system durable.
    ///
    /// The kernel tells of a failure once, to whichever sync comes first, and that one may be another thread's, for files of its own. So
    /// they take turns, and after one has failed none succeeds any more.
    func syncFileSystem() throws {
        try failure.withLock { failure in
            if let failure { throw failure }
            do throws(PosixError) { try owner.syncFileSystem() } catch {
                failure = error
                throw error
            }
        }
    }

    /// Removes the folder and what is left in it, the owner's file last; what cannot be removed now is removed by a collection.
    func remove() {
        guard let names = try? Files.names(in: path) else { return }
        for name in names where name != StagingFolder.ownerName { try? Files.removeTree("\(path)/\(name)") }
        try? Files.removeTree(path)
    }

    /// The folders in `staging` whose operation has ended without removing them.
    static func abandoned(in staging: String) throws -> [String] {
        try Files.locked("\(staging).lock") { try dead(in: staging) }
    }

    /// Moves abandoned folders into `trash`, where nobody looks for staged files, and gives their new paths.
    static func moveAbandoned(in staging: String, to trash: String) throws -> [String] {
        try Files.locked("\(staging).lock") {
            try dead(in: staging).compactMap { path in
                let target = "\(trash)/staging.\(RandomName.make())"
                // An operation that is just ending removes its own folder.
                do throws(PosixError) { try Files.rename(path, to: target) } catch {
                    // What cannot be moved now stays, and keeps nobody from the rest.
                    if error.isOfProcess { throw error } else { return nil }
                }
                return target
            }
        }
    }

    /// The folders in `staging` whose operation has ended without removing them, each locked as its operation had it: until the lock is
    /// released it is nobody else's.
    static func takeAbandoned(in staging: String) throws -> [(path: String, lock: FileDescriptor)] {
        try Files.locked("\(staging).lock") {
            try Files.names(in: staging).compactMap { name in
                let path = "\(staging)/\(name)"
                guard let owner = try? FileDescriptor.open("\(path)/\(ownerName)", O_RDWR), isLeft(owner) else { return nil }
                return (path, owner)
            }
        }
    }

    private static func dead(in staging: String) throws -> [String] {
        try Files.names(in: staging).map { "\(staging)/\($0)" }.filter { path in
            do throws(PosixError) { return isLeft(try FileDescriptor.open("\(path)/\(ownerName)", O_RDWR)) } catch {
                // Without a descriptor nobody knows.
                if error.isOfProcess { throw error }
                return (try? Files.status(path)) ?? nil != nil
            }
        }
    }

    /// Locks an owner's file whose operation has ended without removing its folder. One that has just removed it let go of the lock after that.
    private static func isLeft(_ owner: FileDescriptor) -> Bool {
        flock(owner.number, LOCK_EX | LOCK_NB) == 0 && (try? Files.status(owner.path)) ?? nil != nil
    }
}
