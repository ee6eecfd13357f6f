import RxModel

/// The rows of partial copies, inside a transaction.
extension Database {
    /// The id of a partial copy; nil when it is not there.
    func partialID(_ place: ManifestPlace) throws -> Int? {
        try first(
            "SELECT id FROM partial_copies WHERE registry = ? AND repository = ? AND digest = ?", .text(place.registry),
            .text(place.repository), .digest(place.digest)
        ) { $0.int(0) }
    }

    /// Inserts a partial copy where it is missing, and notes its use; gives its id.
    func putPartial(_ place: ManifestPlace, tree: Digest, tag: String, bytes: [UInt8], pinned: Bool, now: Int) throws -> Int {
        try run(
            """
            INSERT INTO partial_copies (registry, repository, digest, tree, tag, by_digest, used_at) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET tag = excluded.tag, by_digest = max(by_digest, excluded.by_digest), used_at = excluded.used_at
            """, .text(place.registry), .text(place.repository), .digest(place.digest), .digest(tree), .text(tag),
            .integer(pinned ? 1 : 0), .integer(now))
        let id = try partialID(place)!
        // Bytes that a disk has changed are put right by whoever puts them again.
        try run(
            """
            INSERT INTO partial_manifests VALUES (?, ?)
            ON CONFLICT DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes
            """, .integer(id), .blob(bytes))
        return id
    }

    /// Has a tag mean a partial copy.
    func putPartialTag(_ reference: Reference, on id: Int) throws {
        try run("UPDATE clock SET seq = seq + 1")
        try run(
            """
            INSERT INTO partial_tags VALUES (?, ?, ?, ?, (SELECT seq FROM clock))
            ON CONFLICT DO UPDATE SET copy = excluded.copy, seq = excluded.seq
            """, .text(reference.registry), .text(reference.repository), .text(reference.tag), .integer(id))
    }

    /// The id of the partial copy that is meant; nil when there is none, or a whole one was put under the tag since.
    func partialCopy(_ registry: String, _ repository: String, _ selector: Selector) throws -> Int? {
        switch selector {
        case .digest(let digest):
            return try first(
                """
                SELECT id FROM partial_copies WHERE registry = ?1 AND repository = ?2 AND (digest = ?3 OR tree = ?3)
                ORDER BY digest = ?3 DESC, id DESC LIMIT 1
                """, .text(registry), .text(repository), .digest(digest)
            ) { $0.int(0) }
        case .tag(let tag):
            let named = try partialTag(registry, repository, tag)
            // As with tags: the one of that name, else the one put last.
            let isNewest = tag == Locator.latest && named == nil
            guard let found = try isNewest ? newestPartialTag(registry, repository) : named else { return nil }
            let whole = tag == Locator.latest ? try latestTag(registry: registry, repository: repository) : tag
            // A whole copy under the name `latest` itself is meant, however old.
            if isNewest, whole == Locator.latest { return nil }
            let seq = try whole.flatMap { try tagSeq(registry, repository, $0) }
            return seq.map { $0 > found.seq } == true ? nil : found.copy
        }
    }

    private func partialTag(_ registry: String, _ repository: String, _ tag: String) throws -> (copy: Int, seq: Int)? {
        try first(
            "SELECT copy, seq FROM partial_tags WHERE registry = ? AND repository = ? AND tag = ?", .text(registry), .text(repository),
            .text(tag)
        ) { ($0.int(0), $0.int(1)) }
    }

    private func newestPartialTag(_ registry: String, _ repository: String) throws -> (copy: Int, seq: Int)? {
        try first(
            "SELECT copy, seq FROM partial_tags WHERE registry = ? AND repository = ? ORDER BY seq DESC LIMIT 1", .text(registry),
            .text(repository)
        ) { ($0.int(0), $0.int(1)) }
    }

    private func tagSeq(_ registry: String, _ repository: String, _ tag: String) throws -> Int? {
        try first(
            "SELECT seq FROM tags WHERE registry = ? AND repository = ? AND tag = ?", .text(registry), .text(repository), .text(tag)
        ) { $0.int(0) }
    }

    /// Whether a partial copy keeps a blob.
    func isKept(_ digest: Digest, in copy: Int) throws -> Bool {
        try first("SELECT 1 FROM partial_refs WHERE copy = ? AND digest = ?", .integer(copy), .digest(digest)) { _ in true } ?? false
    }

    /// Ends a partial copy of which everything is here now as the manifest `manifest`, and what `tags`, which were put on that, meant before.
    /// Its other tags mean the whole copy from now on, each as old as it was, but for those that a whole one was put under since.
    func completePartial(_ place: ManifestPlace, as manifest: Int, tags: [String], now: Int) throws {
        guard !place.registry.isEmpty else { return }
        for tag in tags {
            try run(
                "DELETE FROM partial_tags WHERE registry = ? AND repository = ? AND tag = ?", .text(place.registry),
                .text(place.repository), .text(tag))
        }
        guard let id = try partialID(place) else { return }
        let others = try run(
            """
            INSERT INTO tags SELECT registry, repository, tag, ?1, ?2, ?2, seq FROM partial_tags WHERE copy = ?3
            ON CONFLICT DO UPDATE SET manifest = excluded.manifest, updated_at = excluded.updated_at, seq = excluded.seq
                WHERE excluded.seq > tags.seq
            """, .integer(manifest), .integer(now), .integer(id))
        if others > 0 { try run("UPDATE manifests SET by_digest = 0 WHERE id = ? AND by_digest <> 0", .integer(manifest)) }
        try forgetPartial(id)
    }

    /// Deletes a partial copy, and gives whether it was there. One that keeps very much is only put where nobody looks: what it keeps goes
    /// piece by piece with the next collection.
    @discardableResult
    func forgetPartial(_ id: Int) throws -> Bool {
        guard try first("SELECT 1 FROM partial_copies WHERE id = ? AND registry <> ' forgotten'", .integer(id), map: { _ in true }) != nil
        else { return false }
        let isLong =
            try first(
                "SELECT count(*) >= ?2 FROM (SELECT 1 FROM partial_refs WHERE copy = ?1 LIMIT ?2)", .integer(id),
                .integer(Database.namesAtOnce)
            ) { $0.int(0) != 0 } ?? false
        guard isLong else {
            try run("DELETE FROM partial_copies WHERE id = ?", .integer(id))
            return true
        }
        try run(
            "UPDATE partial_copies SET registry = ' forgotten', repository = CAST(id AS TEXT), by_digest = 0 WHERE id = ?", .integer(id))
        try run("DELETE FROM partial_tags WHERE copy = ?", .integer(id))
        try run("DELETE FROM partial_manifests WHERE copy = ?", .integer(id))
        return true
    }

    /// Deletes a part of what a forgotten partial copy keeps, and with the last part the copy. Gives whether it is gone.
    func forgetKept(_ id: Int) throws -> Bool {
        let isForgotten = try first("SELECT 1 FROM partial_copies WHERE id = ? AND registry = ' forgotten'", .integer(id)) { _ in true }
        guard isForgotten != nil else { return true }
        let refs = try run(
            "DELETE FROM partial_refs WHERE copy = ?1 AND digest IN (SELECT digest FROM partial_refs WHERE copy = ?1 LIMIT ?2)",
            .integer(id), .integer(Database.namesAtOnce))
        guard refs == 0 else { return false }
        try run("DELETE FROM partial_copies WHERE id = ?", .integer(id))
        return true
    }
}
