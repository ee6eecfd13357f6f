import RxModel

extension Database {
    /// The tag that `latest` means in a repository: the one of that name, else the one put last. Tags that list or sign another manifest,
    /// named after its digest, are never meant. Source: Specs/11-distribution, OCI-154.
    func latestTag(registry: String, repository: String) throws -> String? {
        let named = try first(
            "SELECT tag FROM tags WHERE registry = ? AND repository = ? AND tag = 'latest'", .text(registry), .text(repository)
        ) { $0.text(0) }
        if let named { return named }
        return try first(
            """
            SELECT tag FROM tags INDEXED BY tags_by_age WHERE registry = ? AND repository = ?
                AND NOT (length(tag) >= 71 AND (tag GLOB 'sha256-*' OR tag GLOB 'sha512-*'))
            ORDER BY seq DESC LIMIT 1
            """, .text(registry), .text(repository)
        ) { $0.text(0) }
    }

    /// The record that a tag names.
    func record(registry: String, repository: String, tag: String) throws -> ResourceRecord? {
        try first(
            """
            SELECT tags.registry, tags.repository, tags.tag, tags.created_at, tags.updated_at, digest, tree, size, files, definition, media_type, artifact_type
            FROM tags JOIN manifests ON manifests.id = tags.manifest WHERE tags.registry = ? AND tags.repository = ? AND tags.tag = ?
            """, .text(registry), .text(repository), .text(tag), map: Database.record)
    }

    /// The newest record whose manifest or tree has this digest; the tag is the one put on it last, `latest` when none is left.
    func record(registry: String, repository: String, digest: Digest) throws -> ResourceRecord? {
        try first(
            """
            SELECT manifests.registry, manifests.repository, coalesce(tags.tag, 'latest'), coalesce(tags.created_at, 0), coalesce(tags.updated_at, 0),
                digest, tree, size, files, definition, media_type, artifact_type
            FROM manifests LEFT JOIN tags ON tags.manifest = manifests.id
            WHERE manifests.id IN (
                SELECT id FROM manifests WHERE registry = ?1 AND repository = ?2 AND digest = ?3
                UNION ALL SELECT id FROM manifests WHERE registry = ?1 AND repository = ?2 AND tree = ?3
            )
            ORDER BY manifests.digest = ?3 DESC, tags.seq DESC, manifests.id DESC LIMIT 1
            """, .text(registry), .text(repository), .digest(digest), map: Database.record)
    }

    static func record(_ row: Row) throws -> ResourceRecord {
        ResourceRecord(
            reference: Reference(registry: row.text(0), repository: row.text(1), tag: row.text(2)), manifestDigest: try row.digest(5),
            tree: try row.isNull(6) ? row.digest(5) : row.digest(6), mediaType: row.text(10),
            artifactType: row.isNull(11) ? nil : row.text(11),
            size: row.size(7), fileCount: row.size(8), definition: Definition(unchecked: try JSON(parsing: row.text(9)).object ?? [:]),
            createdAt: row.time(3), updatedAt: row.time(4))
    }
}
