import RxModel

extension DiskStore {
    public func pin(_ record: ResourceRecord) throws -> Bool {
        try catalog.write { database, now in
            let id = try database.requiredManifest(of: record)
            return try database.run("INSERT OR IGNORE INTO pins VALUES (?, ?)", .integer(id), .integer(now)) > 0
        }
    }

    public func unpin(_ record: ResourceRecord) throws -> Bool {
        try catalog.write { database, _ in
            let id = try database.requiredManifest(of: record)
            return try database.run("DELETE FROM pins WHERE manifest = ?", .integer(id)) > 0
        }
    }

    public func pins() throws -> [Pin] {
        try catalog.read { database in
            let found = try database.rows(
                """
                SELECT id, registry, repository, digest, pinned_at FROM pins CROSS JOIN manifests ON manifests.id = pins.manifest
                ORDER BY registry, repository, digest
                """
            ) { row in
                let place = ManifestPlace(registry: row.text(1), repository: row.text(2), digest: try row.digest(3))
                return (id: row.int(0), place: place, pinnedAt: row.time(4))
            }
            return try found.map { pin in
                Pin(place: pin.place, tags: try CatalogFacts(database: database).tags(on: pin.id).map(\.tag), pinnedAt: pin.pinnedAt)
            }
        }
    }
}

extension Database {
    /// The id of a record's manifest. Throws `RegistryError` when it has gone.
    func requiredManifest(of record: ResourceRecord) throws -> Int {
        let reference = record.reference
        guard let id = try manifestID(reference.registry, reference.repository, record.manifestDigest) else {
            throw RegistryError.notFound(reference.description)
        }
        return id
    }

    /// Throws when one of some tags of a repository is on a pinned manifest.
    func refusePinned(_ tags: [String], _ registry: String, _ repository: String) throws {
        for tag in tags {
            let pinned = try first(
                "SELECT 1 FROM tags JOIN pins USING (manifest) WHERE registry = ? AND repository = ? AND tag = ?", .text(registry),
                .text(repository), .text(tag)
            ) { _ in true }
            if pinned != nil { throw RegistryError.pinned(Reference(registry: registry, repository: repository, tag: tag)) }
        }
    }

    /// Whether a manifest is pinned.
    func isPinned(_ manifest: Int) throws -> Bool {
        try first("SELECT 1 FROM pins WHERE manifest = ?", .integer(manifest)) { _ in true } ?? false
    }
}

extension RegistryError {
    /// The error for the removal of a tag on a pinned manifest.
    static func pinned(_ reference: Reference) -> RegistryError {
        RegistryError(
            "\(reference) is pinned", code: .unsupported,
            hint: "end that first: rx unpin \(reference); or remove the tag alone with --force: the content stays")
    }

    /// The error for the removal of a manifest that is pinned.
    static func pinned(_ digest: Digest, in repository: String) -> RegistryError {
        RegistryError(
            "manifest \(digest) of \(repository) is pinned", code: .unsupported, hint: "whoever runs the registry must unpin it first")
    }
}
