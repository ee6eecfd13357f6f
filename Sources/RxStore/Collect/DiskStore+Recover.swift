import Glibc
import RxModel
import RxPosix

extension DiskStore {
    /// Puts back what a collection had moved aside but not yet forgotten, and deletes the rest. Idempotent; may be killed. Nobody waits long
    /// for it, however much there is, and it costs one look at a folder when there is nothing. Source: Specs/05-store, STO-030.
    func recover() throws {
        // What cannot be put back keeps nobody from the store either, unless there is only no room for it or no descriptor.
        let left = try putBackFromTrash { error in
            guard let error = error as? PosixError, !error.isOfProcess, error.code != .storageFull else { throw error }
        }
        guard !left.isEmpty else { return }
        // A collection that lives deletes its files itself, when it may.
        let lock = try FileDescriptor.open(layout.collectLock, O_RDWR | O_CREAT, mode: 0o644)
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { return }
        try uploadSync.sync(folder: nil)
        // What cannot be deleted keeps nobody from the store.
        for name in left { try? Files.removeTree(name, in: layout.trash) }
    }

    /// The same at the beginning of a collection, which has the lock: what another left that failed or was killed is here as long as a process
    /// runs that nobody starts again. What cannot be put back or deleted now is left to the next one, and keeps this one from nothing.
    func recoverForCollection() throws {
        let left = try putBackFromTrash { _ in }
        guard !left.isEmpty else { return }
        try uploadSync.sync(folder: nil)
        for start in stride(from: 0, to: left.count, by: CollectionRun.filesAtOnce) {
            catalog.paced {
                for name in left[start..<min(start + CollectionRun.filesAtOnce, left.count)] {
                    try? Files.removeTree(name, in: layout.trash)
                }
            }
        }
    }

    /// Puts back what has a row, and gives the names of the rest. Those rows are gone, but perhaps only in the log: with a power failure one may
    /// come back, and what named it. So the log has to be durable before any of these files is deleted. A file that has a row and cannot be put
    /// back stays; `failed` is told why.
    private func putBackFromTrash(_ failed: (any Error) throws -> Void) throws -> [[UInt8]] {
        let names = try Files.rawNames(in: layout.trash)
        guard !names.isEmpty else { return [] }
        // What has a row is garbage of a transaction that was undone, or of one that is just going on: inside another the two differ.
        let suspects = try catalog.read { database in
            try names.filter { name in try DiskStore.blob(ofTrash: name).map { try database.hasBlob($0) } ?? false }
        }
        var kept: Set<[UInt8]> = []
        try catalog.inTurns(suspects) { turn, name in
            do { if try putBack(name, turn.database) { kept.insert(name) } } catch {
                try failed(error)
                kept.insert(name)
            }
        }
        return names.filter { !kept.contains($0) }
    }

    /// The blob that a name in trash/ begins with; nil for one that no collection gives.
    private static func blob(ofTrash name: [UInt8]) -> Digest? {
        String(validating: name, as: UTF8.self).flatMap { Digest(hex: $0.prefix(64)) }
    }

    /// Returns a file of trash/ to its place, if it has a row, and no file of the right length is there. Gives whether it is in trash/ no more.
    private func putBack(_ name: [UInt8], _ database: Database) throws -> Bool {
        guard let digest = DiskStore.blob(ofTrash: name), let size = try database.blobSize(digest) else { return false }
        let aside = "\(layout.trash)/\(String(decoding: name, as: UTF8.self))"
        // What others put there is nobody's blob.
        guard try Files.status(aside)?.isRegular ?? true else { return false }
        if try layout.holds(digest, size: size) {
            try Files.remove(aside)
        } else {
            do { try layout.put(aside, as: digest) } catch { if !error.isMissing { throw error } }
        }
        return true
    }
}
