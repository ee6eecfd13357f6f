import Glibc
import RxCrypto
public import RxModel
import RxPosix

extension DiskStore {
    public func artifact(registry: String, repository: String, name: ArtifactName) throws -> StoredArtifact? {
        try catalog.read { try $0.artifact(registry: registry, repository: repository, name: name) }
    }

    public func digest(of name: ContentDigest) throws -> Digest? { try catalog.read { try $0.digest(of: name) } }

    public func tags(registry: String, repository: String, after last: String?, limit: Int) throws -> [String]? {
        try catalog.read { database in
            let isKnown = try database.first(
                """
                SELECT 1 FROM manifests WHERE registry = ?1 AND repository = ?2
                UNION ALL SELECT 1 FROM leases WHERE ?1 = '' AND owner = ?3 AND until > ?4 LIMIT 1
                """, .text(registry), .text(repository), .text(repositoryOwner(repository)), .integer(database.now())
            ) { _ in true }
            guard isKnown != nil else { return nil }
            return try database.rows(
                "SELECT tag FROM tags WHERE registry = ? AND repository = ? AND tag > ? ORDER BY tag LIMIT ?", .text(registry),
                .text(repository), .text(last ?? ""), .integer(limit)
            ) { $0.text(0) }
        }
    }

    public func repositories(registry: String, after last: String?, limit: Int) throws -> [String] {
        try catalog.read { database in
            try database.rows(
                "SELECT DISTINCT repository FROM manifests WHERE registry = ? AND repository > ? ORDER BY repository LIMIT ?",
                .text(registry), .text(last ?? ""), .integer(limit)
            ) { $0.text(0) }
        }
    }

    public func referrers(registry: String, repository: String, of digest: ContentDigest) throws -> [Descriptor] {
        try catalog.read { database in
            // One manifest's bytes are held at a time.
            try database.rows(
                "SELECT bytes, media_type, digest FROM manifests WHERE registry = ? AND repository = ? AND subject = ? ORDER BY id",
                .text(registry), .text(repository), .text(database.subjectText(digest))
            ) { try StoredArtifact(bytes: $0.blob(0), mediaType: $0.text(1), digest: $0.digest(2)).checked(in: repository).referrer }
        }.compactMap { $0 }
    }

    public func put(_ artifact: Artifact, in repository: String, tags: [String], name: ContentDigest?, sparse: Bool) throws {
        // A put that is refused leaves nothing and keeps nobody waiting: everything but what is inline is looked for first.
        let damages = try layout.damages()
        let checked = try catalog.read { database in
            try checkContent(of: artifact, but: artifact.inlined, in: repository, sparse: sparse, database, now: database.now())
        }
        let lost = try self.lost(among: checked.written.map(\.blob))
        guard lost.isEmpty else {
            throw MissingContentError(checked.written.filter { lost.contains($0.blob.digest) }.map(\.name), in: repository)
        }
        try syncFolders(checked.recent.union(storeInlined(artifact, in: repository)))
        func put(_ database: Database, _ now: Int) throws -> Int {
            let id = try database.put(artifact, registry: "", repository: repository, tags: tags, now: now)
            guard let name, name.sha256 == nil else { return id }
            try database.alias(name, of: artifact.digest)
            try database.run("UPDATE manifests SET alias = ? WHERE id = ?", .text(name.description), .integer(id))
            return id
        }
        // A row and its file come and go together, but for a damaged file, which is set aside alone. So when as many rows are there as a
        // moment ago, with as many bytes, and nothing was set aside since, then everything that was found then is still there.
        if artifact.manifests.isEmpty, artifact.inlined.isEmpty {
            do {
                return try catalog.write { database, now in
                    let id = try put(database, now)
                    guard try database.presentTotals(id) == checked.totals, try layout.damages() == damages else {
                        throw ChangedMeanwhile()
                    }
                }
            } catch is ChangedMeanwhile {}
        }
        try catalog.write { database, now in
            _ = try checkContent(of: artifact, in: repository, sparse: sparse, database, now: now)
            _ = try put(database, now)
        }
    }

    /// Undoes a put whose content is not what it was when it was looked at.
    private struct ChangedMeanwhile: Error {}

    /// What a look at an artifact's content found.
    private struct CheckedContent {
        /// The folders of blobs that somebody put just now, whose entries may not be on the disk yet.
        var recent: Set<String> = []
        /// The blobs, each counted once.
        var totals = BlobTotals()
        /// Those whose files were written to since they were put, perhaps.
        var written: [(name: ContentDigest, blob: StagedBlob)] = []
    }

    /// Throws when the repository lacks a blob or manifest that is named, or has it with another size.
    private func checkContent(
        of artifact: Artifact, but inlined: [ContentDigest: [UInt8]] = [:], in repository: String, sparse: Bool, _ database: Database,
        now: Int
    ) throws -> CheckedContent {
        var missing: [ContentDigest] = []
        var checked = CheckedContent()
        var counted: Set<Digest> = []
        func check(_ name: ContentDigest, _ size: Int, found: Int) throws {
            guard found == size else {
                throw RegistryError("\(name) has \(found) bytes, and the manifest says \(size)", code: .sizeInvalid)
            }
        }
        func found(_ blob: StagedBlob, addedAt: Int) {
            if addedAt >= now - DiskOperation.unsyncedTime { checked.recent.insert(layout.folder(blob.digest)) }
            if counted.insert(blob.digest).inserted {
                checked.totals.count += 1
                checked.totals.bytes = checked.totals.bytes.bounded(plus: blob.size)
            }
        }
        // In the order of the digests: rows that are neighbours in the catalog and files of one folder come together.
        let rows = try artifact.blobs.filter { inlined[$0.key] == nil }.sorted { Artifact.precedes($0.key, $1.key) }.map { name, size in
            (name: name, size: size, row: try database.blobAndTime(name, in: repository, now: now))
        }
        let look = try layout.look(at: rows.compactMap(\.row?.blob))
        let written = Set(look.written)
        for (name, size, row) in rows {
            guard let row, !look.absent.contains(row.blob.digest) else {
                missing.append(name)
                continue
            }
            if written.contains(row.blob) { checked.written.append((name, row.blob)) }
            try check(name, size, found: row.blob.size)
            found(row.blob, addedAt: row.addedAt)
        }
        for (name, size) in artifact.manifests {
            if let child = try database.artifact(registry: "", repository: repository, name: .digest(name)) {
                try check(name, size, found: child.bytes.count)
            } else if let row = try database.blobAndTime(name, in: repository, now: now), let state = try layout.state(of: row.blob) {
                try check(name, size, found: row.blob.size)
                if state.isWrittenLast { checked.written.append((name, row.blob)) }
                found(row.blob, addedAt: row.addedAt)
            } else if !sparse {
                missing.append(name)
            }
        }
        guard missing.isEmpty else { throw MissingContentError(missing.sorted { $0.description < $1.description }, in: repository) }
        return checked
    }

    /// How many folders are synced one by one; more are synced together.
    private static let singleSyncLimit = 32

    private func syncFolders(_ folders: Set<String>) throws {
        guard folders.count > DiskStore.singleSyncLimit else { return try folders.forEach { try Files.syncFolder($0) } }
        try FileDescriptor.open(layout.blobs, O_RDONLY | O_DIRECTORY).syncFileSystem()
    }

    /// Returns when the folders' entries are durable, and every transaction that ended before.
    func sync(_ folders: Set<String>) throws {
        if folders.count > DiskStore.singleSyncLimit { try syncFolders(folders) } else { try uploadSync.sync(folders: folders) }
    }

    public func removeArtifact(repository: String, name: ArtifactName, sparse: Bool) throws -> Bool {
        try catalog.write { database, _ in
            switch name {
            case .tag(let tag):
                return try database.run(
                    "DELETE FROM tags WHERE registry = '' AND repository = ? AND tag = ?", .text(repository), .text(tag)) > 0
            case .digest(let digest):
                guard let digest = try database.digest(of: digest), let id = try database.manifestID("", repository, digest) else {
                    return false
                }
                guard try sparse || !database.isListed(digest, registry: "", repository: repository) else {
                    throw RegistryError(
                        "an index of \(repository) lists manifest \(digest)", code: .unsupported, hint: "delete the index first")
                }
                guard try !database.isPinned(id) else { throw RegistryError.pinned(digest, in: repository) }
                try database.run("DELETE FROM tags WHERE manifest = ?", .integer(id))
                try database.forgetManifest(id)
                return true
            }
        }
    }

    /// Blobs whose bytes are in the manifest are there for those who ask for them by digest, too. Gives the folders of those that
    /// somebody else put.
    private func storeInlined(_ artifact: Artifact, in repository: String) throws -> Set<String> {
        var folders: Set<String> = []
        for (digest, bytes) in artifact.inlined {
            if let present = try blob(digest, in: repository, leasing: true) {
                folders.insert(layout.folder(present.digest))
                continue
            }
            let upload = try beginUpload(in: repository)
            try bytes.withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: digest)
        }
        return folders
    }
}

extension Database {
    /// A manifest of a repository; nil when there is none. Throws `CONTENT_DAMAGED` when a disk has changed its bytes.
    func artifact(registry: String, repository: String, name: ArtifactName) throws -> StoredArtifact? {
        let id: Int?
        switch name {
        case .tag(let tag):
            let real = tag == Locator.latest ? try latestTag(registry: registry, repository: repository) : tag
            guard let real else { return nil }
            id = try first(
                "SELECT manifest FROM tags WHERE registry = ? AND repository = ? AND tag = ?", .text(registry), .text(repository),
                .text(real)
            ) { $0.int(0) }
        case .digest(let digest):
            id = try self.digest(of: digest).flatMap { try manifestID(registry, repository, $0) }
        }
        guard let id else { return nil }
        return try first(
            "SELECT length(bytes), iif(length(bytes) > 65536, NULL, bytes), media_type, digest, alias FROM manifests WHERE id = ?",
            .integer(id)
        ) { row in
            StoredArtifact(
                bytes: try manifestBytes(row, id), mediaType: row.text(2), digest: try row.digest(3), name: ContentDigest(row.text(4)))
        }?.checked(in: repository)
    }

    /// The bytes of a manifest whose row begins with their length and, up to 65,536, themselves: as a column, a long one would be held twice.
    func manifestBytes(_ row: Row, _ id: Int) throws -> [UInt8] {
        row.int(0) > 65536 ? try blob("bytes", of: "manifests", row: id) : row.blob(1)
    }
}

extension Artifact {
    /// Whether one name comes before another: SHA-256 digests in their order, before all others.
    static func precedes(_ a: ContentDigest, _ b: ContentDigest) -> Bool {
        switch (a.sha256, b.sha256) {
        case (let a?, let b?): a < b
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): a.description < b.description
        }
    }
}

extension StoredArtifact {
    /// Itself, when its bytes are those that its digest names: what names files and blobs is used by nobody as it came from a disk.
    fileprivate func checked(in repository: String) throws(ContentError) -> StoredArtifact {
        guard sha256(bytes) == digest else {
            throw ContentError(
                "the bytes of manifest \(digest) of \(repository) are damaged in the catalog", code: .contentDamaged,
                hint: "push or add it again from where it still is, or run rx verify --repair")
        }
        return self
    }

    /// The manifest as the list of what refers to another shows it. Source: OCI distribution spec v1.1, "Listing Referrers".
    public var referrer: Descriptor? {
        guard let manifest = try? ArtifactManifest(parsing: bytes, mediaType: mediaType) else { return nil }
        return Descriptor(
            mediaType: mediaType, digest: .sha256(digest), size: bytes.count, artifactType: manifest.artifactType,
            annotations: manifest.annotations)
    }
}
