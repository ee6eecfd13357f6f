import Glibc
import RxCrypto
import RxModel
import RxPosix

/// An upload on disk: a file that grows, locked while a request has it. Its length says how far it came, whatever ended the request.
///
/// Source: Specs/05-store, "Uploads".
final class DiskUpload: UploadSession, @unchecked Sendable {
    // One request has it, on one thread at a time.
    private let store: DiskStore
    private let repository: String
    private let file: FileDescriptor
    private var hash: UploadHash
    private let writing: EarlyWriting
    /// Bytes that were taken and that the file does not have yet: fewer and longer writes cost less, also whoever reads the file later.
    private var buffer: [UInt8] = []
    private static let bufferSize = 256 << 10
    /// Whether the catalog has a row of it.
    private var isKept: Bool
    private var isOver = false

    let name: String
    private(set) var offset: Int

    /// Makes a new one.
    init(_ store: DiskStore, repository: String) throws {
        self.store = store
        self.repository = repository
        let name = RandomName.uuid()
        self.name = name
        let file = try FileDescriptor.open(store.layout.upload(name), O_RDWR | O_CREAT | O_EXCL | O_APPEND, mode: 0o600)
        _ = try retrying("flock", file.path) { flock(file.number, LOCK_EX | LOCK_NB) }
        self.file = file
        writing = EarlyWriting(file, from: 0)
        hash = UploadHash()
        isKept = false
        offset = 0
    }

    /// Goes on with one; nil when there is none of this name for the repository. Throws `RegistryError` while another request has it.
    init?(_ store: DiskStore, name: String, repository: String) throws {
        guard DiskUpload.isName(name) else { return nil }
        do throws(PosixError) {
            file = try FileDescriptor.open(store.layout.upload(name), O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK)
        } catch {
            if error.isMissing || error.isOfNoFile { return nil } else { throw error }
        }
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            guard try store.knowsUpload(name, repository) else { return nil }
            throw RegistryError.uploadBusy
        }
        // It may have ended before the lock was there, and its file have become a blob.
        guard try store.knowsUpload(name, repository), let present = try Files.status(file.path), present.isRegular,
            try present.st_ino == file.status().st_ino
        else { return nil }
        self.store = store
        self.repository = repository
        self.name = name
        isKept = true
        offset = Int(try file.status().st_size)
        writing = EarlyWriting(file, from: offset)
        hash = store.uploadHashes.take(name, count: offset)
    }

    /// Whether an upload can have this name, which is a part of a path.
    static func isName(_ text: String) -> Bool {
        text.utf8.count == 36 && text.utf8.allSatisfy { Hex.value($0) != nil || $0 == UInt8(ascii: "-") }
    }

    deinit {
        guard !isOver else { return }
        // What arrived before a connection broke is kept as far as the disk takes it.
        if isKept { try? flush() }
        if isKept { store.uploadHashes.put(hash, name) } else { Files.discard(file.path) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        offset += bytes.count
        buffer.append(contentsOf: bytes)
        if buffer.count >= DiskUpload.bufferSize { try flush() }
    }

    /// Whether the hash has seen every byte but those in the buffer.
    private var isHashed: Bool { hash.count + buffer.count == offset }

    private func flush() throws {
        guard !buffer.isEmpty else { return }
        defer { buffer.removeAll(keepingCapacity: true) }
        if isHashed { hash.take(buffer, store.uploadHashes.permits) }
        do { try file.write(buffer) } catch {
            // What the file got of it counts: a client goes on from there.
            offset = Int(try file.status().st_size)
            hash = UploadHash()
            throw error
        }
        writing.wrote(upTo: offset)
    }

    func keep() throws {
        try flush()
        try store.catalog.write(durably: false) { database, now in
            try database.run(
                "INSERT INTO uploads VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until", .text(name), .text(repository),
                .integer(now + store.uploadTime))
        }
        isKept = true
    }

    func finish(as digest: ContentDigest) throws -> StagedBlob {
        // What this process wrote itself, since it opened the store.
        let isOwn = isHashed
        let received = buffer
        try flush()
        let found = try check(digest)
        let isFresh: Bool
        do {
            isFresh = try isOwn && makeFresh(found, digest, received)
            if !isFresh { try makeBlob(found, digest) }
        } catch {
            // Once it has its new name the file is never written to again: it may be a blob that others know by the same digest.
            if (try? Files.status(file.path)) == nil { try? cancel() }
            throw error
        }
        isOver = true
        // Its bytes were hashed as they came.
        if isOwn, let state = try? FileState(file) { store.trustedFiles.note(found.digest, state) }
        try store.uploadSync.sync(folder: isFresh ? nil : store.layout.folder(found.digest))
        return found
    }

    /// Makes a small file a blob without syncing it: its bytes go into the catalog. Gives false, and leaves all as it is, when that cannot be:
    /// a blob that others believe in is only replaced by what is durable. `received` is the whole blob, or it is read.
    private func makeFresh(_ blob: StagedBlob, _ digest: ContentDigest, _ received: [UInt8]) throws -> Bool {
        guard store.fresh.takes(blob.size) else { return false }
        let bytes = received.count == blob.size ? received : try Files.read(file.path, limit: FreshBlobs.largest)
        guard received.count == blob.size || sha256(bytes) == blob.digest else { return false }
        do {
            let id = try store.catalog.write(durably: false) { database, now -> Int? in
                guard try !database.hasBlob(blob.digest), store.fresh.takes(blob.size) else { return nil }
                try enter(blob, digest, database, now)
                let id = try database.putFresh(blob.digest, bytes)
                try rename(blob)
                return id
            }
            guard let id else { return false }
            store.fresh.added(id, bytes: blob.size)
            return true
        } catch {
            leave(blob)
            throw error
        }
    }

    /// Gives the file its blob's name.
    private func rename(_ blob: StagedBlob) throws {
        try store.layout.put(file.path, as: blob.digest)
        _ = try retrying("fchmod", file.path) { fchmod(file.number, 0o444) }
    }

    /// Writes all that the catalog knows of an upload that has become a blob.
    private func enter(_ blob: StagedBlob, _ digest: ContentDigest, _ database: Database, _ now: Int) throws {
        try database.putBlob(blob, now: now)
        try database.lease(blob.digest, to: repository, until: now + store.leaseTime)
        try database.alias(digest, of: blob.digest)
        try forget(database)
    }

    /// Takes the blob's name away from a file whose transaction failed, unless it has a row. What cannot be taken away now is an orphan.
    private func leave(_ blob: StagedBlob) {
        let path = store.layout.blob(blob.digest)
        try? store.catalog.exclusively { database in
            guard try !database.hasBlob(blob.digest), let present = try Files.status(path), try present.st_ino == file.status().st_ino
            else { return }
            try Files.remove(path)
        }
    }

    /// Makes the file a blob in the catalog, once it is durable.
    private func makeBlob(_ blob: StagedBlob, _ digest: ContentDigest) throws {
        do { try store.uploadSync.sync(file, size: offset) } catch {
            // What failed to reach the disk may be gone from memory, too: it is never synced again.
            Files.discard(file.path)
            throw error
        }
        do {
            try store.catalog.write(durably: false) { database, now in
                try rename(blob)
                try enter(blob, digest, database, now)
            }
        } catch {
            leave(blob)
            throw error
        }
    }

    func cancel() throws {
        isOver = true
        Files.discard(file.path)
        try store.catalog.write(durably: false) { database, _ in try forget(database) }
    }

    private func forget(_ database: Database) throws {
        if isKept { try database.run("DELETE FROM uploads WHERE name = ?", .text(name)) }
    }

    /// What was received, when it has the digest; drops it otherwise.
    private func check(_ digest: ContentDigest) throws -> StagedBlob {
        if hash.count < offset { hash = try UploadHash(reading: file) }
        let found = StagedBlob(digest: hash.finish(), size: offset)
        // The hasher is empty now: should the rest fail, the next end reads the file.
        hash = UploadHash()
        let named: ContentDigest = if digest.sha256 == nil { try sha512() } else { .sha256(found.digest) }
        guard named == digest else {
            try? cancel()
            throw ContentError.mismatch(expected: digest, got: named)
        }
        return found
    }

    private func sha512() throws -> ContentDigest {
        let hasher = SHA512Hasher()
        try file.each { hasher.update($0) }
        return hasher.finish()
    }
}
