public import RxModel

extension DiskStore {
    public func resolve(registry: String, repository: String, selector: Selector) throws -> ResourceRecord? {
        try catalog.read { database in
            switch selector {
            case .digest(let digest):
                return try database.record(registry: registry, repository: repository, digest: digest)
            case .tag(Locator.latest):
                guard let tag = try database.latestTag(registry: registry, repository: repository) else { return nil }
                return try database.record(registry: registry, repository: repository, tag: tag)
            case .tag(let tag):
                return try database.record(registry: registry, repository: repository, tag: tag)
            }
        }
    }

    public func manifest(of record: ResourceRecord) throws -> ResourceManifest {
        try catalog.read { database in
            let registry = record.reference.registry
            let repository = record.reference.repository
            return try record.manifest(
                artifact: { try database.artifact(registry: registry, repository: repository, name: .digest($0)) },
                digest: { try database.digest(of: $0) })
        }
    }

    public func search(_ query: SearchQuery) throws -> SearchPage {
        let words = SearchWords(query.text)
        guard words.canMatch else { return SearchPage(records: [], total: 0) }
        let registry: SQLValue =
            switch query.scope {
            case .all: .null
            case .own: ""
            case .copied(let host): .text(host)
            }
        return try catalog.read { database in
            let total = try database.first(
                """
                SELECT count(*) FROM tags WHERE (?1 IS NULL OR tags.registry = ?1)
                    AND (?2 = '' OR tags.manifest IN (SELECT rowid FROM search WHERE search MATCH ?2))
                """, registry, .text(words.match)
            ) { $0.int(0) }
            // Manifests are read for the page alone, and not for all that match.
            let records = try database.rows(
                """
                SELECT page.registry, page.repository, page.tag, page.created_at, page.updated_at, digest, tree, size, files, definition, media_type, artifact_type
                FROM (
                    SELECT registry, repository, tag, created_at, updated_at, manifest FROM tags
                    WHERE (?1 IS NULL OR registry = ?1) AND (?2 = '' OR manifest IN (SELECT rowid FROM search WHERE search MATCH ?2))
                    ORDER BY updated_at DESC, repository, tag, registry LIMIT ?3 OFFSET ?4
                ) AS page JOIN manifests ON manifests.id = page.manifest
                ORDER BY page.updated_at DESC, page.repository, page.tag, page.registry
                """, registry, .text(words.match), .integer(query.limit), .integer(query.offset), map: Database.record)
            return SearchPage(records: records, total: total ?? 0)
        }
    }

    public func remove(registry: String, repository: String, selector: Selector, sparingPins: Bool) throws -> [Reference] {
        try catalog.write { database, _ in
            let tags: [String]
            switch selector {
            case .digest(let digest):
                tags = try database.rows(
                    """
                    SELECT tag FROM tags INDEXED BY tags_by_manifest WHERE manifest IN (
                        SELECT id FROM manifests WHERE registry = ?1 AND repository = ?2 AND digest = ?3
                        UNION ALL SELECT id FROM manifests WHERE registry = ?1 AND repository = ?2 AND tree = ?3
                    ) ORDER BY tag
                    """, .text(registry), .text(repository), .digest(digest)
                ) { $0.text(0) }
            case .tag(Locator.latest):
                tags = try database.latestTag(registry: registry, repository: repository).map { [$0] } ?? []
            case .tag(let tag):
                tags = [tag]
            }
            if sparingPins { try database.refusePinned(tags, registry, repository) }
            return try tags.filter { tag in
                try database.run(
                    "DELETE FROM tags WHERE registry = ? AND repository = ? AND tag = ?", .text(registry), .text(repository), .text(tag))
                    > 0
            }.map { Reference(registry: registry, repository: repository, tag: $0) }
        }
    }

    public func removeCached(registry: String?) throws -> (removed: Int, pinned: Int, partial: Int) {
        let host: SQLValue = registry.map { .text($0) } ?? .null
        let (removed, pinned) = try catalog.write { database, _ in
            let pinned = try database.first(
                """
                SELECT count(*) FROM tags WHERE registry <> '' AND (?1 IS NULL OR registry = ?1) AND manifest IN (SELECT manifest FROM pins)
                """, host
            ) { $0.int(0) }
            let removed = try database.run(
                """
                DELETE FROM tags WHERE registry <> '' AND (?1 IS NULL OR registry = ?1) AND manifest NOT IN (SELECT manifest FROM pins)
                """, host)
            return (removed, pinned ?? 0)
        }
        // Others write in between. What somebody binds anew meanwhile is not what was to go.
        let partial = try catalog.read { database in
            try database.rows(
                "SELECT id FROM partial_copies WHERE registry <> ' forgotten' AND (?1 IS NULL OR registry = ?1)", host
            ) { $0.int(0) }
        }
        var forgotten = 0
        try catalog.inTurns(partial) { turn, id in if try turn.database.forgetPartial(id) { forgotten += 1 } }
        return (removed, pinned, forgotten)
    }
}
