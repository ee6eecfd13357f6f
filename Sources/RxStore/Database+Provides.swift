public import RxModel

/// Which resources provide a module. Source: Specs/05-store, STO-180 to STO-184.
extension Database {
    /// The modules that a manifest is filed under.
    func provided(_ id: Int) throws -> [ModuleName] {
        try rows("SELECT language, module FROM provides WHERE manifest = ?", .integer(id)) { ModuleName(unchecked: $0.text(0), $0.text(1)) }
    }

    /// Files a manifest under modules.
    func putProvided(_ modules: [ModuleName], _ id: Int) throws {
        for module in modules {
            try run("INSERT OR IGNORE INTO provides VALUES (?, ?, ?)", .text(module.language), .text(module.name), .integer(id))
        }
    }

    /// Files a manifest under some modules no longer.
    func removeProvided(_ modules: Set<ModuleName>, _ id: Int) throws {
        for module in modules {
            try run(
                "DELETE FROM provides WHERE language = ? AND module = ? AND manifest = ?", .text(module.language), .text(module.name),
                .integer(id))
        }
    }

    /// The resources that provide a module: its language, its name, the registry or NULL for any, how many.
    static let providersQuery: StaticString =
        // Where a query has one max(), its other columns are those of the row that has it (SQLite, "Bare columns in an aggregate query").
        """
        SELECT best.registry, best.repository, best.tag, best.created_at, best.updated_at, digest, tree, size, files, definition, media_type, artifact_type
        FROM (
            SELECT tags.registry, tags.repository, tags.tag, tags.created_at, tags.updated_at, tags.seq, tags.manifest,
                max(CASE tags.tag WHEN 'latest' THEN 9223372036854775807 ELSE tags.seq END)
            FROM provides CROSS JOIN tags ON tags.manifest = provides.manifest
            WHERE language = ?1 AND module = ?2 AND (?3 IS NULL OR tags.registry = ?3)
                AND NOT (length(tag) >= 71 AND (tag GLOB 'sha256-*' OR tag GLOB 'sha512-*'))
            GROUP BY tags.registry, tags.repository ORDER BY tags.seq DESC LIMIT ?4
        ) AS best JOIN manifests ON manifests.id = best.manifest
        ORDER BY best.seq DESC
        """

    /// The resources that provide a module, one of each repository, newest first; `registry` nil means any.
    func providers(of module: ModuleName, registry: String?, limit: Int) throws -> [ResourceRecord] {
        try rows(
            Database.providersQuery, .text(module.language), .text(module.name), registry.map { .text($0) } ?? .null, .integer(limit),
            map: Database.record)
    }

    /// Files every manifest of an older catalog under what it provides, and lets a search find it by that.
    func fillProvides() throws {
        let candidates = try rows("SELECT id FROM manifests WHERE tree IS NOT NULL AND instr(definition, '\"provides\"') > 0") { $0.int(0) }
        for id in candidates {
            // Columns that version 7 has, whatever comes later.
            let row = try first("SELECT registry, repository, media_type, bytes FROM manifests WHERE id = ?", .integer(id)) {
                (registry: $0.text(0), repository: $0.text(1), mediaType: $0.text(2), bytes: $0.blob(3))
            }
            guard let row, row.registry != Database.forgotten,
                let artifact = try? Artifact(parsing: row.bytes, mediaType: row.mediaType, repository: row.repository),
                !artifact.provides.isEmpty
            else { continue }
            try putProvided(artifact.provides.names, id)
            try run("DELETE FROM search WHERE rowid = ?", .integer(id))
            try putSearchWords(SearchRow(artifact, registry: row.registry, repository: row.repository), id)
        }
    }
}

extension DiskStore {
    public func providers(of module: ModuleName, scope: SearchQuery.Scope, limit: Int) throws -> [ResourceRecord] {
        let registry: String? =
            switch scope {
            case .all: nil
            case .own: ""
            case .copied(let host): host
            }
        return try catalog.read { try $0.providers(of: module, registry: registry, limit: limit) }
    }
}
