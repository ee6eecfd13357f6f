import Glibc
import RxCrypto
import RxModel
import RxPosix

/// What is wrong with a blob that has a row.
enum BlobFault: Equatable {
    case missing
    /// The file has another length.
    case length(Int)
    /// The file has the blob's bytes, and the row says another length than theirs.
    case row(Int)
    /// The file has the right length and other bytes.
    case bytes(Digest)
    /// The file cannot be read, or is no file.
    case unreadable(String)
}

/// A fault with the file that it was seen in.
struct SuspectBlob {
    let blob: StagedBlob
    let fault: BlobFault
    /// The file's number on its device; nil for one that is not there.
    let inode: UInt64?
}

extension DiskStore {
    /// Compares a blob's row with its file: whether it is there, its length and, with `hashing`, its bytes. Nil when all is well. What it finds
    /// may be what others are just doing: see `isConfirmed`. `read` is told of bytes that were hashed. With `uncached` they come from the disk
    /// itself, where the file system can, and take nobody's place in memory.
    func look(at blob: StagedBlob, hashing: Bool, uncached: Bool = false, read: (Int) -> Void = { _ in }) throws -> SuspectBlob? {
        let path = layout.blob(blob.digest)
        guard let status = try Files.status(path) else { return SuspectBlob(blob: blob, fault: .missing, inode: nil) }
        let inode = UInt64(status.st_ino)
        guard status.isRegular else { return SuspectBlob(blob: blob, fault: .unreadable("it is no file"), inode: inode) }
        let size = Int(status.st_size)
        guard hashing || size != blob.size else { return nil }
        do {
            let file = try FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW)
            let number = UInt64(try file.status().st_ino)
            let direct = uncached ? try? FileDescriptor.openUncached(path) : nil
            // Memory or a cable may have failed: a file that is right once is right.
            var got = try? DiskStore.digest(of: direct ?? file, read)
            if got != blob.digest { got = try DiskStore.digest(of: direct ?? file) { _ in } }
            if let got, got != blob.digest {
                return SuspectBlob(blob: blob, fault: size == blob.size ? .bytes(got) : .length(size), inode: number)
            }
            return size == blob.size ? nil : SuspectBlob(blob: blob, fault: .row(size), inode: number)
        } catch let error as PosixError where error.isMissing {
            return SuspectBlob(blob: blob, fault: .missing, inode: nil)
        } catch let error as PosixError where [EIO, EUCLEAN, EBADMSG, ELOOP].contains(error.errno) {
            return SuspectBlob(blob: blob, fault: .unreadable(error.message), inode: inode)
        }
    }

    private static func digest(of file: FileDescriptor, _ read: (Int) -> Void) throws -> Digest {
        let hasher = SHA256Hasher()
        // As what is read past the page cache must be aligned.
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 4096) { buffer in
            var at = 0
            while case let count = try file.read(into: buffer, at: at), count > 0 {
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                read(count)
                at += count
                // Only the end is short, and nobody reads from there on past the page cache.
                if count < buffer.count { break }
            }
        }
        return hasher.finish()
    }

    /// Whether a fault is there while nobody changes the store: the row is the same, and the file, or its absence, is the one that was seen.
    /// Files come and go inside write transactions, and their bytes never change after that. Call it inside one.
    func isConfirmed(_ suspect: SuspectBlob, _ database: Database) throws -> Bool {
        guard try database.blobSize(suspect.blob.digest) == suspect.blob.size else { return false }
        // A collection that was killed may have left the file in trash/.
        if suspect.fault == .missing, try returnFromTrash(suspect.blob) { return false }
        return try Files.status(layout.blob(suspect.blob.digest)).map { UInt64($0.st_ino) } == suspect.inode
    }

    /// Puts a blob's file back that a killed collection had moved aside, as the next start does; false when there is none.
    private func returnFromTrash(_ blob: StagedBlob) throws -> Bool {
        for name in try Files.names(in: layout.trash) where name.hasPrefix(blob.digest.hex) {
            let aside = "\(layout.trash)/\(name)"
            guard let status = try Files.status(aside), Int(status.st_size) == blob.size else { continue }
            try Files.rename(aside, to: layout.blob(blob.digest))
            return true
        }
        return false
    }

    /// Moves a wrong file into damaged/: nobody is told again that the blob is there. Call it inside a write transaction, once confirmed.
    func setAside(_ digest: Digest, _ database: Database) throws {
        try Files.makeFolders(layout.damaged)
        try Files.rename(layout.blob(digest), to: "\(layout.damaged)/\(digest.hex).\(RandomName.make())")
        try database.keepFresh(digest)
        // A row changes, so that answers that are kept as long as the catalog is the same are not given again; one of nobody else's.
        try database.run("UPDATE blobs SET added_at = added_at - 1 WHERE digest = ?", .digest(digest))
    }
}
