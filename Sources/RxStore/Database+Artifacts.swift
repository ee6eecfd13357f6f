import RxModel

extension Database {
    /// Inserts a manifest where it is missing and moves the tags to it; call it inside a write transaction and once what it
    /// names was found. Gives the manifest's id.
    @discardableResult
    func put(_ artifact: Artifact, registry: String, repository: String, tags: [String], now: Int) throws -> Int {
        let present = try manifestID(registry, repository, artifact.digest)
        let id = try present ?? insert(artifact, registry, repository, now: now)
        // Bytes that a disk has changed are put right by whoever puts them again.
        if present != nil { try run("UPDATE manifests SET bytes = ?1 WHERE id = ?2 AND bytes <> ?1", .blob(artifact.bytes), .integer(id)) }
        for tag in tags {
            try run("UPDATE clock SET seq = seq + 1")
            try run(
                """
                INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, (SELECT seq FROM clock))
                ON CONFLICT DO UPDATE SET manifest = excluded.manifest, updated_at = excluded.updated_at, seq = excluded.seq
                """, .text(registry), .text(repository), .text(tag), .integer(id), .integer(now), .integer(now))
        }
        let place = ManifestPlace(registry: registry, repository: repository, digest: artifact.digest)
        try completePartial(place, as: id, tags: tags, now: now)
        if !tags.isEmpty {
            if present != nil { try run("UPDATE manifests SET by_digest = 0 WHERE id = ? AND by_digest <> 0", .integer(id)) }
        } else if try !isNamed(id, artifact, registry, repository) {
            try run("UPDATE manifests SET by_digest = 1 WHERE id = ?", .integer(id))
            try run(
                "INSERT INTO untagged VALUES (?, ?) ON CONFLICT DO UPDATE SET since = excluded.since", .integer(id), .integer(now))
        }
        return id
    }

    /// Whether anything but its own digest keeps a manifest: a tag, an index that lists it, or the manifest that it refers to.
    private func isNamed(_ id: Int, _ artifact: Artifact, _ registry: String, _ repository: String) throws -> Bool {
        if try first("SELECT 1 FROM tags WHERE manifest = ?", .integer(id), map: { _ in true }) != nil { return true }
        if let subject = try artifact.subject.flatMap({ try digest(of: $0) }), try manifestID(registry, repository, subject) != nil {
            return true
        }
        return try isListed(artifact.digest, registry: registry, repository: repository)
    }

    /// Whether an index of the repository lists a manifest.
    func isListed(_ digest: Digest, registry: String, repository: String) throws -> Bool {
        try first(
            """
            SELECT 1 FROM children CROSS JOIN manifests ON manifests.id = children.manifest
            WHERE children.digest = ? AND manifests.registry = ? AND manifests.repository = ?
            """, .digest(digest), .text(registry), .text(repository), map: { _ in true }) ?? false
    }

    /// The id of a manifest in a repository; nil when it is not there.
    func manifestID(_ registry: String, _ repository: String, _ digest: Digest) throws -> Int? {
        try first(
            "SELECT id FROM manifests WHERE registry = ? AND repository = ? AND digest = ?", .text(registry), .text(repository),
            .digest(digest)
        ) { $0.int(0) }
    }

    /// The SHA-256 of what a digest names; nil for another digest that is not known.
    func digest(of name: ContentDigest) throws -> Digest? {
        if let digest = name.sha256 { return digest }
        return try first("SELECT digest FROM aliases WHERE name = ?", .text(name.description)) { try $0.digest(0) }
    }

    /// Notes another name of some bytes.
    func alias(_ name: ContentDigest, of digest: Digest) throws {
        guard name.sha256 == nil else { return }
        guard try run("INSERT OR IGNORE INTO aliases VALUES (?, ?)", .text(name.description), .digest(digest)) > 0 else { return }
        // Who referred to it by this name is kept by it from now on, where it is there.
        try run(
            """
            UPDATE manifests SET subject = ?1, by_digest = by_digest AND NOT EXISTS (
                SELECT 1 FROM manifests AS target WHERE target.registry = manifests.registry AND target.repository = manifests.repository
                    AND target.digest = ?2)
            WHERE subject = ?3
            """, .text(digest.description), .digest(digest), .text(name.description))
    }

    /// A digest as subjects are filed under it: the SHA-256 where that is known.
    func subjectText(_ name: ContentDigest) throws -> String { try digest(of: name)?.description ?? name.description }

    private func insert(_ artifact: Artifact, _ registry: String, _ repository: String, now: Int) throws -> Int {
        let definition = artifact.definition
        try run(
            """
            INSERT INTO manifests (registry, repository, digest, media_type, tree, size, files, definition, bytes, artifact_type, subject)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .text(registry), .text(repository), .digest(artifact.digest), .text(artifact.mediaType),
            artifact.tree.map { .digest($0) } ?? .null, .integer(artifact.size), .integer(artifact.fileCount), .text(definition.json.text),
            .blob(artifact.bytes), artifact.artifactType.map { .text($0) } ?? .null,
            artifact.subject.map { .text(try subjectText($0)) } ?? .null)
        let id = lastInsertedID
        let blobs = try artifact.blobs.keys.map { name in
            guard let digest = try digest(of: name) else { throw RegistryError.blobNotFound(name) }
            return digest
        }
        for digest in blobs.sorted() { try run("INSERT OR IGNORE INTO refs VALUES (?, ?)", .integer(id), .digest(digest)) }
        // One that is not there may come later: only a SHA-256 says which it will be.
        for child in try artifact.manifests.keys.compactMap(digest) {
            try run("INSERT OR IGNORE INTO children VALUES (?, ?)", .integer(id), .digest(child))
            // An index may name a blob, which lives as long as the index then: one that its repository has, not any other's.
            if try registry.isEmpty ? blob(.sha256(child), in: repository, now: now) != nil : hasBlob(child) {
                try run("INSERT OR IGNORE INTO refs VALUES (?, ?)", .integer(id), .digest(child))
            }
            try run(
                "UPDATE manifests SET by_digest = 0 WHERE registry = ? AND repository = ? AND digest = ? AND by_digest <> 0",
                .text(registry),
                .text(repository), .digest(child))
        }
        // What refers to this manifest is kept by it from now on.
        try run(
            "UPDATE manifests SET by_digest = 0 WHERE registry = ? AND repository = ? AND subject = ? AND by_digest <> 0", .text(registry),
            .text(repository), .text(artifact.digest.description))
        try putSearchWords(SearchRow(artifact, registry: registry, repository: repository), id)
        try putProvided(artifact.provides.names, id)
        return id
    }
}
