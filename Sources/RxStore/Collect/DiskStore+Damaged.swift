import Glibc
import RxModel
import RxPosix

extension DiskStore {
    /// How long a file in damaged/ is kept for whoever wants to look at it, in seconds.
    static let damagedTime = 30 * 86_400

    /// Deletes the files in damaged/ that were set aside before a time (seconds since 1970), or whose blobs are there again with their right
    /// bytes. Gives how many.
    @discardableResult
    func forgetDamaged(before time: Int) throws -> Int {
        guard Files.isFolder(layout.damaged) else { return 0 }
        var count = 0
        for name in try Files.names(in: layout.damaged) {
            let path = "\(layout.damaged)/\(name)"
            // Setting it aside was the last change to it.
            guard let status = try Files.status(path), try status.st_ctim.tv_sec < time || isRightAgain(name) else { continue }
            // It may be a folder that had a blob's name.
            try? Files.removeTree(path)
            count += 1
        }
        return count
    }

    /// Whether the blob that a file in damaged/ was set aside from has been put again, and is right: its bytes are read.
    private func isRightAgain(_ name: String) throws -> Bool {
        guard let digest = Digest(hex: name.prefix(64)) else { return false }
        let size = try catalog.read { try $0.first("SELECT size FROM blobs WHERE digest = ?", .digest(digest)) { $0.size(0) } }
        guard let size else { return false }
        return try look(at: StagedBlob(digest: digest, size: size), hashing: true) == nil
    }
}
