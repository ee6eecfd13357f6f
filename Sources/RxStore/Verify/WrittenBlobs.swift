import Glibc
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

    /// The same for whoever does not ask again blob by blob: what is long and cannot be read is set aside, too, for who asks for it alone would
    /// be told that it is there.
    func lost(among blobs: [StagedBlob]) throws -> Set<Digest> {
        let wrong = try self.wrong(among: blobs)
        let long = blobs.filter { $0.size > DiskStore.promptBytes && wrong.contains($0.digest) }
        guard !long.isEmpty else { return wrong }
        try catalog.write { database, _ in
            // One that has come since was given its name after it was written.
            for blob in long where try layout.state(of: blob)?.isWrittenLast == true { try setAside(blob.digest, database) }
        }
        return wrong
    }

    /// The longest blob, in bytes, that is hashed while one waits who asks for it alone.
    private static let promptBytes = 8 << 20

    /// Whether a blob is there, and is not known to be anything else. One that is long counts by its length: whoever reads it gets nothing wrong.
    func isThere(_ blob: StagedBlob) throws -> Bool {
        guard let state = try layout.state(of: blob) else { return false }
        return try !state.isWrittenLast || blob.size > DiskStore.promptBytes || isRight(blob)
    }

    /// Whether a blob's bytes are right; false of what cannot be read, so that it is sent anew.
    private func isRight(_ blob: StagedBlob) throws -> Bool {
        do {
            let file = try self.file(of: blob)
            if trustedFiles.holds(blob.digest, try FileState(file)) { return true }
            let right = try trustedFiles.alone(blob.digest) { try hashed(blob, file) }
            let before = try FileState(right)
            // Its last change is from now on one of its rights, and no longer one of its content.
            guard trustedFiles.holds(blob.digest, before), fchmod(right.number, try right.status().st_mode & 0o7777) == 0 else {
                return true
            }
            let after = try FileState(right)
            // Somebody has written to it meanwhile.
            guard after.hasBytes(of: before) else { return try isRight(blob) }
            trustedFiles.note(blob.digest, after)
            return true
        } catch let error as RegistryError where error.code == .blobUnknown {
            return false
        } catch let error as PosixError where !error.isOfProcess {
            return false
        }
    }
}

extension FileState {
    /// Whether nothing happened to a file since its content was written. A blob's file is given its name after that.
    var isWrittenLast: Bool { modifiedAt == changedAt }
}
