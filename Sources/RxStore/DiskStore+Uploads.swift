import Glibc
import RxModel
import RxPosix

extension DiskStore {
    public func beginUpload(in repository: String) throws -> any UploadSession { try DiskUpload(self, repository: repository) }

    public func upload(_ name: String, in repository: String) throws -> (any UploadSession)? {
        try DiskUpload(self, name: name, repository: repository)
    }

    public func received(_ name: String, in repository: String) throws -> Int? {
        guard try knowsUpload(name, repository), let status = try Files.status(layout.upload(name)), status.isRegular else { return nil }
        return Int(status.st_size)
    }

    /// Whether an upload of this name may go on in the repository.
    func knowsUpload(_ name: String, _ repository: String) throws -> Bool {
        guard DiskUpload.isName(name) else { return false }
        return try catalog.read { database in
            try database.first(
                "SELECT 1 FROM uploads WHERE name = ? AND repository = ? AND until > ?", .text(name), .text(repository),
                .integer(database.now())
            ) { _ in true } ?? false
        }
    }

    /// Deletes uploads that nobody went on with in time, and files of uploads that were never left to another request and whose process
    /// died; gives their number.
    func abandonedUploads(delete: Bool) throws -> Int {
        // A row may be without a file, and a file without a row.
        let rows = try catalog.read { database in
            try database.rows("SELECT name FROM uploads WHERE until <= ?", .integer(try database.now())) { $0.text(0) }
        }
        let names = Set(try Files.names(in: layout.uploads)).union(rows).filter { DiskUpload.isName($0) }
        var count = 0
        /// What is no file, moved out of the way.
        var strange: [String] = []
        let suspects = try catalog.read { database in
            let now = try database.now()
            return try names.filter { try isAbandoned($0, database, now) }
        }
        guard delete else { return try suspects.count { try Files.status(layout.upload($0)) != nil } }
        try catalog.inTurns(suspects.sorted()) { turn, name in
            if let status = try Files.status(layout.upload(name)), !status.isRegular {
                guard try isAbandoned(name, turn.database, turn.now) else { return }
                let aside = "\(layout.trash)/upload.\(name).\(RandomName.make())"
                do throws(PosixError) { try Files.rename(layout.upload(name), to: aside) } catch {
                    if error.isOfProcess { throw error } else { return }
                }
                try turn.database.run("DELETE FROM uploads WHERE name = ?", .text(name))
                return strange.append(aside)
            }
            // Who goes on with it has it locked, or had, and has renewed its row since it was looked at.
            let file: FileDescriptor?
            do throws(PosixError) { file = try FileDescriptor.open(layout.upload(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK) } catch {
                // What cannot be opened keeps nobody from the rest.
                if error.isOfProcess { throw error }
                guard error.isMissing else { return }
                file = nil
            }
            if let file, flock(file.number, LOCK_EX | LOCK_NB) != 0 { return }
            guard try isAbandoned(name, turn.database, turn.now) else { return }
            try turn.database.run("DELETE FROM uploads WHERE name = ?", .text(name))
            // The file that was locked, and not one that has come since.
            guard let file, let present = try Files.status(layout.upload(name)), try present.st_ino == file.status().st_ino else { return }
            if (try? Files.remove(layout.upload(name))) == true { count += 1 }
        }
        // Outside of the transactions: a folder may hold anything. What cannot be removed now is in trash/ and goes with the next start.
        for path in strange { try? Files.removeTree(path) }
        return count + strange.count
    }

    /// Whether nobody may go on with an upload any more.
    private func isAbandoned(_ name: String, _ database: Database, _ now: Int) throws -> Bool {
        if let until = try database.first("SELECT until FROM uploads WHERE name = ?", .text(name), map: { $0.time(0) }) {
            return until <= now
        }
        guard let status = try Files.status(layout.upload(name)) else { return false }
        return status.st_mtim.tv_sec + leaseTime <= Clock.now
    }
}

extension RegistryError {
    /// Two requests send to one upload.
    static let uploadBusy = RegistryError(
        "another request is sending to this upload", code: .uploadInvalid, hint: "wait for it to end, then ask how far the upload came")
}
