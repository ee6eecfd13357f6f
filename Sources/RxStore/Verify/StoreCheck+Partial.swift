import RxCrypto
import RxModel

/// Looks at copies of which only some files are here. They are derived: one that is wrong is forgotten, and fetched again when it is used.
/// Source: Specs/05-store, STO-173.
extension StoreCheck {
    /// Compares each with its manifest, and finds rows that belong to none.
    func checkPartialCopies() throws {
        var last = 0
        while let id = try nextPartial(after: last) {
            last = id
            looked { $0.partialCopies += 1 }
            guard let fault = try catalog.read({ try $0.partialFault(id) }) else { continue }
            // Looked at again while nobody writes: others may just have put or forgotten it.
            func look(_ database: Database) throws -> String? { try database.partialFault(id) }
            let isStill =
                try options.repairs
                ? catalog.write { database, _ in
                    guard try look(database) != nil else { return false }
                    try database.forgetPartial(id)
                    return true
                } : catalog.exclusively { try look($0) != nil }
            guard isStill else { continue }
            let finding = Finding(.partial, fault, advice: StoreCheck.repairAdvice)
            found(options.repairs ? finding.repaired : finding)
        }
        try checkPartialOwners()
    }

    private func nextPartial(after last: Int) throws -> Int? {
        try catalog.read { database in
            try database.first(
                "SELECT id FROM partial_copies WHERE id > ? AND registry <> ' forgotten' ORDER BY id LIMIT 1", .integer(last)
            ) { $0.int(0) }
        }
    }

    /// Rows of copies that are not there.
    private func checkPartialOwners() throws {
        let checks: [(what: String, rows: StaticString, delete: StaticString)] = [
            (
                "partial_refs", "SELECT count(*) FROM partial_refs WHERE copy NOT IN (SELECT id FROM partial_copies)",
                "DELETE FROM partial_refs WHERE copy NOT IN (SELECT id FROM partial_copies)"
            ),
            (
                "partial_tags", "SELECT count(*) FROM partial_tags WHERE copy NOT IN (SELECT id FROM partial_copies)",
                "DELETE FROM partial_tags WHERE copy NOT IN (SELECT id FROM partial_copies)"
            ),
            (
                "partial_manifests", "SELECT count(*) FROM partial_manifests WHERE copy NOT IN (SELECT id FROM partial_copies)",
                "DELETE FROM partial_manifests WHERE copy NOT IN (SELECT id FROM partial_copies)"
            ),
        ]
        for check in checks {
            // One state of the catalog: these rows come after their copy's, and go with it.
            guard let count = try catalog.read({ try $0.first(check.rows) { $0.int(0) } }), count > 0 else { continue }
            if options.repairs { try catalog.write { database, _ in try database.run(check.delete) } }
            let finding = Finding(
                .partial, "\(count) rows of \(check.what) belong to partial copies that are gone", advice: StoreCheck.repairAdvice)
            found(options.repairs ? finding.repaired : finding)
        }
    }
}

extension Database {
    /// What is wrong with a partial copy, in words; nil when nothing is, and when it is gone.
    fileprivate func partialFault(_ id: Int) throws -> String? {
        let row = try first(
            """
            SELECT registry, repository, digest, tree, bytes FROM partial_copies LEFT JOIN partial_manifests ON copy = id
            WHERE id = ? AND registry <> ' forgotten'
            """, .integer(id)
        ) { row in
            let place = ManifestPlace(registry: row.text(0), repository: row.text(1), digest: try row.digest(2))
            return (place: place, tree: try row.digest(3), bytes: row.isNull(4) ? nil : row.blob(4))
        }
        guard let row else { return nil }
        guard let bytes = row.bytes else { return "the partial copy \(row.place) has no manifest" }
        guard sha256(bytes) == row.place.digest,
            let artifact = try? Artifact(parsing: bytes, mediaType: MediaType.imageManifest, repository: row.place.repository)
        else { return "the bytes of the manifest of the partial copy \(row.place) are others" }
        guard artifact.tree == row.tree else {
            return "the catalog has another tree digest of the partial copy \(row.place) than its manifest"
        }
        let strange = try rows("SELECT digest FROM partial_refs WHERE copy = ?", .integer(id)) { try $0.digest(0) }.first {
            artifact.blobs[.sha256($0)] == nil
        }
        return strange.map { "the partial copy \(row.place) keeps \($0), which its manifest does not name" }
    }
}
