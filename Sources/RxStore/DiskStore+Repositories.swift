import Glibc
import RxCrypto
public import RxModel
import RxPosix

extension DiskStore {
    public func blob(_ digest: ContentDigest, in repository: String, leasing: Bool) throws -> StagedBlob? {
        let (found, isLeased) = try catalog.read { database in
            let now = try database.now()
            let found = try database.blob(digest, in: repository, now: now)
            // A lease that has three quarters of its time left needs no new one. The catalog alone knows: others end leases, too.
            let until = try leasing ? found.flatMap { try database.leaseEnd($0.digest, repository) } : nil
            return (found, until.map { $0 >= now + leaseTime - leaseTime / 4 } ?? false)
        }
        // Who only reads it is told by its bytes.
        guard let found, try leasing ? isThere(found) : layout.holds(found.digest, size: found.size) else { return nil }
        guard leasing, !isLeased else { return found }
        // Looked up again: a collection may have come in between.
        return try lease(found.digest, repository) { database, now in try database.blob(digest, in: repository, now: now) != nil }
            ? found : nil
    }

    public func sizes(of digests: [Digest], in repository: String) throws -> [Digest: Int] {
        try catalog.read { database in
            let now = try database.now()
            var sizes: [Digest: Int] = [:]
            // Each once, however often it is asked for, and rows that are neighbours in the catalog together.
            for digest in Set(digests).sorted() {
                sizes[digest] = try database.blobAndTime(.sha256(digest), in: repository, now: now)?.blob.size
            }
            return sizes
        }
    }

    public func content(of blob: StagedBlob) throws -> BlobContent { .file(try file(of: blob)) }

    public func verified(_ blob: StagedBlob) throws -> any ByteSource {
        let file = try file(of: blob)
        let state = try FileState(file)
        let source = VerifyingSource(FileSource(file), digest: blob.digest, size: blob.size) { [self] in setAside(blob.digest, file) }
        return TrustingSource(source) { [trustedFiles] in
            if (try? FileState(file)) == state { trustedFiles.note(blob.digest, state) }
        }
    }

    public func isWhole(_ manifest: Digest, in repository: String) throws -> Bool {
        let named = try catalog.read { database -> [StagedBlob?]? in
            guard let id = try database.manifestID("", repository, manifest),
                let bytes = try database.first(
                    "SELECT length(bytes), iif(length(bytes) > 65536, NULL, bytes) FROM manifests WHERE id = ?", .integer(id),
                    map: { try database.manifestBytes($0, id) }), sha256(bytes) == manifest
            else { return nil }
            return try database.rows(
                "SELECT refs.digest, size FROM refs LEFT JOIN blobs USING (digest) WHERE manifest = ? ORDER BY refs.digest", .integer(id)
            ) { $0.isNull(1) ? nil : StagedBlob(digest: try $0.digest(0), size: $0.size(1)) }
        }
        guard let named, case let blobs = named.compactMap({ $0 }), blobs.count == named.count else { return false }
        let look = try layout.look(at: blobs)
        return try look.absent.isEmpty && wrong(among: look.written).isEmpty
    }

    func file(of blob: StagedBlob) throws -> FileDescriptor {
        let file: FileDescriptor
        do { file = try layout.open(blob.digest) } catch {
            if error.isMissing || error.isOfNoFile { throw RegistryError.blobNotFound(blob.digest) } else { throw error }
        }
        let status = try file.status()
        guard status.isRegular, Int(status.st_size) == blob.size else { throw RegistryError.blobNotFound(blob.digest) }
        return file
    }

    public func mount(_ digest: ContentDigest, from source: String?, into repository: String) throws -> Bool {
        let found = try catalog.read { database in
            if let source { return try database.blob(digest, in: source, now: database.now()) }
            return try database.blobAnywhere(digest, now: database.now())
        }
        guard let found, try isThere(found) else { return false }
        let leased = try lease(found.digest, repository) { database, now in
            if let source { return try database.blob(digest, in: source, now: now) != nil }
            return try database.blobAnywhere(digest, now: now) != nil
        }
        // What is reported as there is durable, whoever put it and however short a time ago.
        if leased { try uploadSync.sync(folder: layout.folder(found.digest)) }
        return leased
    }

    public func removeBlob(_ digest: ContentDigest, from repository: String) throws -> Bool {
        try catalog.write { database, now in
            guard let found = try database.blob(digest, in: repository, now: now) else { return false }
            guard try !database.isNamed(found.digest, in: repository) else {
                throw RegistryError(
                    "blob \(digest) is named by a manifest of \(repository)", code: .unsupported, hint: "delete the manifest first")
            }
            try database.run("DELETE FROM leases WHERE owner = ? AND digest = ?", .text(repositoryOwner(repository)), .digest(found.digest))
            return true
        }
    }

    /// Leases a blob to a repository if `condition` holds in the same transaction.
    private func lease(_ digest: Digest, _ repository: String, if condition: (Database, Int) throws -> Bool) throws -> Bool {
        try catalog.write(durably: false) { database, now in
            guard try condition(database, now) else { return false }
            try database.lease(digest, to: repository, until: now + leaseTime)
            return true
        }
    }
}

/// The owner of a repository's leases: it has no operation, so they end by time alone.
func repositoryOwner(_ repository: String) -> String { "repository \(repository)" }

extension Database {
    /// The blob that one of this store's own repositories shows; nil when it shows none.
    func blob(_ name: ContentDigest, in repository: String, now: Int) throws -> StagedBlob? {
        try blobAndTime(name, in: repository, now: now)?.blob
    }

    /// The blob, if any of this store's own repositories shows it.
    func blobAnywhere(_ name: ContentDigest, now: Int) throws -> StagedBlob? {
        guard let found = try row(of: name) else { return nil }
        return try shownAnywhere(found.digest, size: found.size, now: now) != nil ? found : nil
    }

    /// Whether a manifest of the repository names the blob.
    func isNamed(_ digest: Digest, in repository: String) throws -> Bool {
        // Few manifests name most blobs; of those that very many name, the repository's own manifests are fewer.
        let limit = 256
        let naming = try rows("SELECT manifest FROM refs WHERE digest = ? LIMIT ?", .digest(digest), .integer(limit)) { $0.int(0) }
        for id in naming {
            let isOwn = try first(
                "SELECT 1 FROM manifests WHERE id = ? AND registry = '' AND repository = ?", .integer(id), .text(repository)
            ) { _ in true }
            if isOwn != nil { return true }
        }
        guard naming.count == limit else { return false }
        return try first(
            """
            SELECT 1 FROM manifests CROSS JOIN refs ON refs.manifest = manifests.id AND refs.digest = ?
            WHERE manifests.registry = '' AND manifests.repository = ? LIMIT 1
            """, .digest(digest), .text(repository)
        ) { _ in true } ?? false
    }

    /// When a repository's lease on a blob ends (seconds since 1970); nil when it has none.
    func leaseEnd(_ digest: Digest, _ repository: String) throws -> Int? {
        try first("SELECT until FROM leases WHERE owner = ? AND digest = ?", .text(repositoryOwner(repository)), .digest(digest)) {
            $0.time(0)
        }
    }

    /// Leases a blob to a repository.
    func lease(_ digest: Digest, to repository: String, until: Int) throws {
        try run("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", .text(repositoryOwner(repository)), .digest(digest), .integer(until))
    }

    private func row(of name: ContentDigest) throws -> StagedBlob? {
        guard let digest = try digest(of: name) else { return nil }
        return try blobSize(digest).map { StagedBlob(digest: digest, size: $0) }
    }
}
