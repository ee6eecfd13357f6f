import RxCrypto
import RxModel

/// A manifest with what the catalog keeps beside its bytes.
struct EncodedManifest {
    let manifest: ResourceManifest
    let bytes: [UInt8]
    let digest: Digest

    init(_ manifest: ResourceManifest) {
        self.manifest = manifest
        bytes = manifest.bytes
        digest = sha256(bytes)
    }
}

extension Database {
    /// Inserts the manifest where it is missing and moves the tag to it; call it inside a write transaction.
    func put(_ encoded: EncodedManifest, as reference: Reference, now: Int) throws -> ResourceRecord {
        let id = try manifestID(reference, encoded.digest) ?? insert(encoded, reference)
        try run(
            """
            INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM tags))
            ON CONFLICT DO UPDATE SET manifest = excluded.manifest, updated_at = excluded.updated_at, seq = excluded.seq
            """, .text(reference.registry), .text(reference.repository), .text(reference.tag), .integer(id), .integer(now), .integer(now))
        let createdAt = try first(
            "SELECT created_at FROM tags WHERE registry = ? AND repository = ? AND tag = ?", .text(reference.registry),
            .text(reference.repository),
            .text(reference.tag)
        ) { $0.int(0) }
        return ResourceRecord(
            reference: reference, manifestDigest: encoded.digest, tree: encoded.manifest.tree, size: encoded.manifest.size,
            fileCount: encoded.manifest.files.count, definition: encoded.manifest.definition, createdAt: createdAt ?? now, updatedAt: now)
    }

    private func manifestID(_ reference: Reference, _ digest: Digest) throws -> Int? {
        try first(
            "SELECT id FROM manifests WHERE registry = ? AND repository = ? AND digest = ?", .text(reference.registry),
            .text(reference.repository),
            .digest(digest)
        ) { $0.int(0) }
    }

    private func insert(_ encoded: EncodedManifest, _ reference: Reference) throws -> Int {
        let manifest = encoded.manifest
        try run(
            "INSERT INTO manifests (registry, repository, digest, media_type, tree, size, files, definition, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            .text(reference.registry), .text(reference.repository), .digest(encoded.digest), .text(MediaType.imageManifest),
            .digest(manifest.tree),
            .integer(manifest.size), .integer(manifest.files.count), .text(manifest.definition.json.text), .blob(encoded.bytes))
        let id = lastInsertedID
        for digest in manifest.blobs.keys.sorted() { try run("INSERT INTO refs VALUES (?, ?)", .integer(id), .digest(digest)) }
        let definition = manifest.definition
        try run(
            "INSERT INTO search (rowid, name, path, description, keywords, type) VALUES (?, ?, ?, ?, ?, ?)", .integer(id),
            .text(reference.locator.name), .text(reference.locator.path ?? ""), .text(definition.description ?? ""),
            .text(definition.keywords.joined(separator: " ")), .text(definition.type))
        return id
    }

    /// The tag that `latest` means in a repository: the one of that name, else the one put last.
    func latestTag(registry: String, repository: String) throws -> String? {
        try first(
            "SELECT tag FROM tags WHERE registry = ? AND repository = ? ORDER BY tag = 'latest' DESC, seq DESC LIMIT 1", .text(registry),
            .text(repository)
        ) { $0.text(0) }
    }

    /// The record that a tag names.
    func record(registry: String, repository: String, tag: String) throws -> ResourceRecord? {
        try first(
            """
            SELECT tags.registry, tags.repository, tags.tag, tags.created_at, tags.updated_at, digest, tree, size, files, definition
            FROM tags JOIN manifests ON manifests.id = tags.manifest WHERE tags.registry = ? AND tags.repository = ? AND tags.tag = ?
            """, .text(registry), .text(repository), .text(tag), map: Database.record)
    }

    /// The newest record whose manifest or tree has this digest; the tag is the one put on it last, `latest` when none is left.
    func record(registry: String, repository: String, digest: Digest) throws -> ResourceRecord? {
        try first(
            """
            SELECT manifests.registry, manifests.repository, coalesce(tags.tag, 'latest'), coalesce(tags.created_at, 0), coalesce(tags.updated_at, 0),
                digest, tree, size, files, definition
            FROM manifests LEFT JOIN tags ON tags.manifest = manifests.id
            WHERE manifests.registry = ?1 AND manifests.repository = ?2 AND (manifests.digest = ?3 OR manifests.tree = ?3)
            ORDER BY manifests.digest = ?3 DESC, tags.seq DESC, manifests.id DESC LIMIT 1
            """, .text(registry), .text(repository), .digest(digest), map: Database.record)
    }

    static func record(_ row: Row) throws -> ResourceRecord {
        ResourceRecord(
            reference: Reference(registry: row.text(0), repository: row.text(1), tag: row.text(2)), manifestDigest: try row.digest(5),
            tree: try row.digest(6),
            size: row.int(7), fileCount: row.int(8), definition: try Definition(parsing: Array(row.text(9).utf8)), createdAt: row.int(3),
            updatedAt: row.int(4))
    }
}
