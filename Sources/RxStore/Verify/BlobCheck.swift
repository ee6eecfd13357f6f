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
    /// The file, open so that no other one gets its number; nil for one that is not there, or cannot even be looked at.
    var file: FileDescriptor?
}

extension DiskStore {
    /// Compares a blob's row with its file: whether it is there, its length and, with `hashing`, its bytes. Nil when all is well. What it finds
    /// may be what others are just doing: see `isConfirmed`. `read` is told of bytes that were hashed. With `uncached` they come from the disk
    /// itself, where the file system can, and take nobody's place in memory.
    func look(at blob: StagedBlob, hashing: Bool, uncached: Bool = false, read: (Int) -> Void = { _ in }) throws -> SuspectBlob? {
        let path = layout.blob(blob.digest)
        /// What has the name, when it cannot be read.
        var held: FileDescriptor?
        do throws(PosixError) {
            guard let status = try Files.status(path) else { return SuspectBlob(blob: blob, fault: .missing) }
            guard hashing || Int(status.st_size) != blob.size || !status.isRegular else { return nil }
            let file: FileDescriptor
            do throws(PosixError) { file = try layout.open(blob.digest) } catch {
                if error.isMissing || error.isOfProcess { throw error }
                // Another may have come meanwhile: what is held and cannot be opened after that is the one that cannot be read.
                held = FileDescriptor.holding(path)
                file = try layout.open(blob.digest)
            }
            held = file
            let opened = try file.status()
            guard opened.isRegular else { return SuspectBlob(blob: blob, fault: .unreadable("it is no file"), file: file) }
            let size = Int(opened.st_size)
            guard hashing || size != blob.size else { return nil }
            let got = try DiskStore.digest(of: file, uncached: uncached, expected: blob.digest, read)
            guard got == blob.digest else {
                return SuspectBlob(blob: blob, fault: size == blob.size ? .bytes(got) : .length(size), file: file)
            }
            return size == blob.size ? nil : SuspectBlob(blob: blob, fault: .row(size), file: file)
        } catch {
            if error.isMissing { return SuspectBlob(blob: blob, fault: .missing) }
            if error.isOfProcess { throw error }
            return SuspectBlob(blob: blob, fault: .unreadable(held.flatMap(DiskStore.nature) ?? error.message), file: held)
        }
    }

    /// Why something that is no file cannot be read; nil for a file.
    private static func nature(_ held: FileDescriptor) -> String? { (try? held.status())?.isRegular == false ? "it is no file" : nil }

    /// The digest of a file's bytes; of those that were read the second time when it is not the one that is expected. Memory or a cable may have
    /// failed: a file that is right once is right.
    private static func digest(of file: FileDescriptor, uncached: Bool, expected: Digest, _ read: (Int) -> Void) throws(PosixError)
        -> Digest
    {
        var source = (uncached ? try? FileDescriptor.openUncached(file.path) : nil) ?? file
        do throws(PosixError) {
            let got = try digest(of: source, read)
            if got == expected { return got }
        } catch {
            // What the disk itself cannot read others may get all the same, and some file systems say only then that they read no other way.
            source = file
            let got = try digest(of: source) { _ in }
            if got == expected { return got }
        }
        return try digest(of: source) { _ in }
    }

    private static func digest(of file: FileDescriptor, _ read: (Int) -> Void) throws(PosixError) -> Digest {
        let hasher = SHA256Hasher()
        // As what is read past the page cache must be aligned.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: streamBufferSize, alignment: 4096)
        defer { buffer.deallocate() }
        let size = Int(try file.status().st_size)
        var at = 0
        // Nobody reads from the end on past the page cache. What is short before it has met something that cannot be read: the next try says so.
        while at < size, case let count = try file.read(into: buffer, at: at), count > 0 {
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            read(count)
            at += count
        }
        return hasher.finish()
    }

    /// Whether a fault is there while nobody changes the store: the row is the same, and the file, or its absence, is the one that was seen.
    /// Files come and go inside write transactions, and their bytes never change after that. Call it inside one.
    func isConfirmed(_ suspect: SuspectBlob, _ database: Database) throws -> Bool {
        guard try database.blobSize(suspect.blob.digest) == suspect.blob.size else { return false }
        // A collection that was killed may have left the file in trash/.
        if suspect.fault == .missing, try returnFromTrash(suspect.blob) { return false }
        let present: stat?
        do throws(PosixError) { present = try Files.status(layout.blob(suspect.blob.digest)) } catch {
            if error.isOfProcess { throw error }
            // One that could not even be looked at, and cannot now.
            if case .unreadable = suspect.fault { return suspect.file == nil }
            return false
        }
        guard let file = suspect.file else { return suspect.fault == .missing && present == nil }
        return try file.status().st_ino == present?.st_ino
    }

    /// Puts a blob's file back that a killed collection had moved aside, as the next start does; false when there is none.
    private func returnFromTrash(_ blob: StagedBlob) throws -> Bool {
        for name in try Files.names(in: layout.trash) where name.hasPrefix(blob.digest.hex) {
            let aside = "\(layout.trash)/\(name)"
            guard let status = try Files.status(aside), status.isRegular, Int(status.st_size) == blob.size else { continue }
            try Files.rename(aside, to: layout.blob(blob.digest))
            return true
        }
        return false
    }

    /// Moves a wrong file into damaged/: nobody is told again that the blob is there. Call it inside a write transaction, once confirmed.
    func setAside(_ digest: Digest, _ database: Database) throws {
        try layout.setAside(digest)
        try database.keepFresh(digest)
        // A row changes, so that answers that are kept as long as the catalog is the same are not given again; one of nobody else's.
        try database.run("UPDATE blobs SET added_at = max(added_at, 1) - 1 WHERE digest = ?", .digest(digest))
    }
}
