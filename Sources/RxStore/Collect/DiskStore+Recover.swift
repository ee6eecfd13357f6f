import Glibc
import RxModel
import RxPosix

extension DiskStore {
    /// Puts back what a collection had moved aside but not yet forgotten, and deletes the rest. Idempotent; may be killed. Nobody waits long
    /// for it, however much there is, and it costs one look at a folder when there is nothing. Source: Specs/05-store, STO-030.
    func recover() throws {
        var names = try Files.names(in: layout.trash)
        guard !names.isEmpty else { return }
        // What has a row is garbage of a transaction that was undone, or of one that is just going on: inside another the two differ.
        let suspects = try catalog.read { database in
            try names.filter { name in try Digest(hex: name.prefix(64)).map { try database.hasBlob($0) } ?? false }
        }
        var returned: Set<String> = []
        try catalog.inTurns(suspects) { turn, name in if try putBack(name, turn.database) { returned.insert(name) } }
        names.removeAll { returned.contains($0) }
        // A collection that lives deletes its files itself, when it may.
        let lock = try FileDescriptor.open(layout.collectLock, O_RDWR | O_CREAT, mode: 0o644)
        guard !names.isEmpty, flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { return }
        // A row that is gone in the log may come back with a power failure, and what named it: not once the log is durable.
        try uploadSync.sync(folder: nil)
        for name in names { try Files.removeTree("\(layout.trash)/\(name)") }
    }

    /// Returns a file of trash/ to its place, if it has a row, and no file of the right length is there. Gives whether it is in trash/ no more.
    private func putBack(_ name: String, _ database: Database) throws -> Bool {
        let aside = "\(layout.trash)/\(name)"
        // What others put there is nobody's blob.
        guard try Files.status(aside)?.isRegular ?? true else { return false }
        guard let digest = Digest(hex: name.prefix(64)),
            let size = try database.first("SELECT size FROM blobs WHERE digest = ?", .digest(digest), map: { $0.size(0) })
        else { return false }
        if try layout.holds(digest, size: size) {
            try Files.remove(aside)
        } else {
            do { try layout.put(aside, as: digest) } catch { if !error.isMissing { throw error } }
        }
        return true
    }
}
