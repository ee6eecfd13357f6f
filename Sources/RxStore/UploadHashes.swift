import Synchronization

/// The hashes of uploads between their requests: an upload that this process saw from its start is not read again at its end.
final class UploadHashes: Sendable {
    private struct Entry: @unchecked Sendable {
        // Whoever takes it out has it alone.
        let hash: UploadHash
    }

    /// More than this many are forgotten; what is forgotten is read again.
    private static let limit = 4096

    /// Of the lanes in which long uploads are hashed.
    let permits = HashingLane.Permits()
    private let entries = Mutex<[String: Entry]>([:])

    /// Takes out the hash of an upload that has `count` bytes; a new one when it is not known or has seen others.
    func take(_ name: String, count: Int) -> UploadHash {
        let entry = entries.withLock { $0.removeValue(forKey: name) }
        guard let hash = entry?.hash, hash.count == count else { return UploadHash() }
        return hash
    }

    /// Keeps the hash of an upload for its next request.
    func put(_ hash: consuming UploadHash, _ name: String) {
        hash.settle()
        let entry = Entry(hash: hash)
        entries.withLock { entries in
            if entries.count >= UploadHashes.limit { entries.removeAll() }
            entries[name] = entry
        }
    }
}
