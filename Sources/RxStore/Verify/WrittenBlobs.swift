import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

/// Blobs whose files were written to after they were put: they are hashed before anybody is told that they are there. Source: Specs/05-store, STO-044.
extension DiskStore {
    /// Those of some blobs that are not what they are called by. They are set aside, so that the next put mends them; of the others it is noted
    /// in their files that they are right.
    func wrong(among blobs: [StagedBlob]) throws -> Set<Digest> {
        let wrong = Mutex<Set<Digest>>([])
        try WorkerPool.forEach(0..<blobs.count, threads: min(blobs.count, Host.processors)) { [self] index in
            if try !isRight(blobs[index]) { wrong.withLock { _ = $0.insert(blobs[index].digest) } }
        }
        return wrong.withLock { $0 }
    }

    /// Whether a blob is there, and is not known to be anything else.
    func isThere(_ blob: StagedBlob) throws -> Bool {
        guard let state = try layout.state(of: blob) else { return false }
        return try !state.isWrittenLast || isRight(blob)
    }

    private func isRight(_ blob: StagedBlob) throws -> Bool {
        let file: FileDescriptor
        do { file = try self.file(of: blob) } catch let error as RegistryError where error.code == .blobUnknown { return false }
        let before = try FileState(file)
        let hasher = SHA256Hasher()
        try file.hash(into: hasher)
        guard hasher.finish() == blob.digest else {
            setAside(blob.digest, file)
            return false
        }
        // Its last change is from now on one of its rights, and no longer one of its content.
        if try FileState(file) == before { _ = fchmod(file.number, try file.status().st_mode & 0o7777) }
        return true
    }
}

extension FileState {
    /// Whether nothing happened to a file since its content was written. A blob's file is given its name after that.
    var isWrittenLast: Bool { modifiedAt == changedAt }
}
