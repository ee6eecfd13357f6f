import Glibc
import RxCrypto
import RxModel
import RxPosix

/// The front of a long blob in a file of `cache/partial`, locked by who has it. After a kill its length says how far it came; after a power
/// failure the hash of the whole decides. Source: Specs/05-store, STO-038.
final class DiskPartial: PartialBlob {
    private let digest: Digest
    private let size: Int
    private let file: FileDescriptor
    private let stage: (String, StagedBlob) throws -> Void
    private let hasher = SHA256Hasher()
    private let writing: EarlyWriting
    private(set) var offset: Int

    /// Goes on with the file at `path`, or begins one; nil while somebody else has it. `stage` takes the file over when it is whole.
    init?(_ path: String, _ digest: Digest, size: Int, stage: @escaping (String, StagedBlob) throws -> Void) throws {
        do throws(PosixError) {
            file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
        } catch {
            // What others put there is in nobody's way: the blob is staged by itself.
            if error.isOfNoFile { return nil } else { throw error }
        }
        // Who had it before may have moved it away, or a collection, between the opening and the lock.
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0, let present = try Files.status(path), present.isRegular,
            try present.st_ino == file.status().st_ino
        else { return nil }
        self.digest = digest
        self.size = size
        self.stage = stage
        offset = Int(present.st_size)
        writing = EarlyWriting(file, from: offset)
        if offset > size { try clear() }
        try file.hash(into: hasher)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        guard offset + bytes.count <= size else {
            throw ContentError("more than the \(size) bytes of \(digest) came", code: .digestInvalid)
        }
        do { try file.write(bytes) } catch {
            // The file may have got some of them, which the hash has not: the next to open it reads it.
            offset = Int((try? file.status().st_size) ?? 0)
            throw error
        }
        hasher.update(bytes)
        offset += bytes.count
        writing.wrote(upTo: offset)
    }

    func finish() throws {
        let found = hasher.finish()
        guard offset == size, found == digest else {
            try clear()
            hasher.reset()
            throw ContentError.mismatch(expected: digest, got: found)
        }
        try stage(file.path, StagedBlob(digest: digest, size: size))
    }

    private func clear() throws {
        _ = try retrying("ftruncate", file.path) { ftruncate(file.number, 0) }
        offset = 0
    }

    /// Deletes what nobody has gone on with since `time` (seconds since 1970); without `delete` they are only counted.
    static func forget(in folder: String, before time: Int, delete: Bool) throws -> Int {
        var count = 0
        for name in (try? Files.names(in: folder)) ?? [] {
            let path = "\(folder)/\(name)"
            guard let status = try Files.status(path), status.st_mtim.tv_sec <= time,
                let file = try? FileDescriptor.open(path, O_RDWR), flock(file.number, LOCK_EX | LOCK_NB) == 0,
                // Who had it before may have moved it away, and the next have begun another.
                let present = try Files.status(path), try present.st_ino == file.status().st_ino
            else { continue }
            // What cannot be deleted keeps nobody from the rest.
            if delete, (try? Files.remove(path)) != true { continue }
            count += 1
        }
        return count
    }
}
