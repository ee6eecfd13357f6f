import Glibc
import RxModel
import RxPosix

extension DiskStore {
    /// How long a file in damaged/ is kept for whoever wants to look at it, in seconds.
    static let damagedTime = 30 * 86_400

    /// Deletes the files in damaged/ that were set aside before a time (seconds since 1970), or whose blobs are there again with their right
    /// bytes. One that is right after all, and whose blob is not, is put back first. Gives how many went.
    @discardableResult
    func forgetDamaged(before time: Int) throws -> Int {
        guard Files.isFolder(layout.damaged) else { return 0 }
        var count = 0
        // Each blob is read once, however often it was set aside.
        var verdicts: [StagedBlob: Bool] = [:]
        for name in try Files.names(in: layout.damaged) {
            let path = "\(layout.damaged)/\(name)"
            // Setting it aside was the last change to it.
            guard let status = try Files.status(path) else { continue }
            let blob = try blob(setAside: name)
            let isRight = try blob.map { try verdicts[$0] ?? (look(at: $0, hashing: true) == nil) } ?? false
            if let blob { verdicts[blob] = isRight }
            guard isRight || status.st_ctim.tv_sec < time else { continue }
            // A disk that could not read it then may be able to now: it is perhaps the last that is left of the blob.
            if let blob, !isRight {
                guard putBack(blob) else { continue }
                verdicts[blob] = nil
            }
            // It may be a folder that had a blob's name.
            try? Files.removeTree(path)
            count += 1
        }
        return count
    }

    /// The blob that a file in damaged/ was set aside from, if it has a row.
    private func blob(setAside name: String) throws -> StagedBlob? {
        guard let digest = Digest(hex: name.prefix(64)) else { return nil }
        return try catalog.read { try $0.blobSize(digest) }.map { StagedBlob(digest: digest, size: $0) }
    }

    /// Puts a blob that is not there, or wrong, back from where the store has its bytes, if anywhere. False when that could not be done now, as
    /// on a full disk.
    private func putBack(_ blob: StagedBlob) -> Bool {
        do {
            let places = try catalog.read { try $0.naming(blob.digest) }.places
            try restore([LostBlob(blob: blob, places: places)])
            return true
        } catch { return false }
    }
}
