import Glibc
import RxModel
import RxPosix

extension DiskStore {
    public func beginUpload(in repository: String) throws -> any UploadSession { try DiskUpload(self, repository: repository) }

    public func upload(_ name: String, in repository: String) throws -> (any UploadSession)? {
        try DiskUpload(self, name: name, repository: repository)
    }

    public func received(_ name: String, in repository: String) throws -> Int? {
        guard try knowsUpload(name, repository), let status = try Files.status(layout.upload(name)) else { return nil }
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
        let names = try Files.names(in: layout.uploads)
        let abandoned = try catalog.read { database in
            let now = try database.now()
            return try names.filter { name in
                let until = try database.first("SELECT until FROM uploads WHERE name = ?", .text(name)) { $0.int(0) }
                if let until { return until <= now }
                guard let status = try Files.status(layout.upload(name)) else { return false }
                return status.st_mtim.tv_sec + leaseTime <= Clock.now
            }
        }
        guard delete else { return abandoned.count }
        var count = 0
        for name in abandoned {
            guard let file = try? FileDescriptor.open(layout.upload(name), O_RDONLY), flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
                continue
            }
            if try Files.remove(layout.upload(name)) { count += 1 }
        }
        // Rows without a file, too.
        try catalog.write { database, now in try database.run("DELETE FROM uploads WHERE until <= ?", .integer(now)) }
        return count
    }
}

extension RegistryError {
    /// Two requests send to one upload.
    static let uploadBusy = RegistryError(
        "another request is sending to this upload", code: .uploadInvalid, hint: "wait for it to end, then ask how far the upload came")
}
