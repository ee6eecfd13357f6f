import RxModel

/// The catalog's answers, inside a transaction.
struct CatalogFacts: StoreFacts {
    let database: Database

    var now: Int { get throws { try database.now() } }

    func digest(of name: ContentDigest) throws -> Digest? { try database.digest(of: name) }

    func nodes(_ digest: Digest) throws -> [Int] {
        try database.rows(
            "SELECT id FROM manifests WHERE digest = ? AND registry <> ' forgotten' ORDER BY registry, repository", .digest(digest)
        ) { $0.int(0) }
    }

    func node(_ place: ManifestPlace) throws -> Int? { try database.manifestID(place.registry, place.repository, place.digest) }

    func place(of node: Int) throws -> ManifestPlace {
        let place = try database.first("SELECT registry, repository, digest FROM manifests WHERE id = ?", .integer(node)) {
            ManifestPlace(registry: $0.text(0), repository: $0.text(1), digest: try $0.digest(2))
        }
        guard let place else { throw RegistryError("the catalog has no manifest \(node)", code: .storeUnusable) }
        return place
    }

    func standing(of node: Int) throws -> Standing {
        try database.first(
            """
            SELECT by_digest, (SELECT pinned_at FROM pins WHERE manifest = manifests.id),
                (SELECT since FROM untagged WHERE manifest = manifests.id AND NOT EXISTS (SELECT 1 FROM tags WHERE manifest = manifests.id))
            FROM manifests WHERE id = ?
            """, .integer(node)
        ) {
            Standing(
                pinnedAt: $0.isNull(1) ? nil : $0.time(1), isByDigest: $0.int(0) != 0, untaggedSince: $0.isNull(2) ? nil : $0.time(2))
        } ?? Standing()
    }

    func tags(on node: Int) throws -> [TagFact] {
        try database.rows(
            """
            SELECT tag, digest, updated_at, seq, EXISTS (SELECT 1 FROM pins WHERE pins.manifest = tags.manifest)
            FROM tags JOIN manifests ON manifests.id = tags.manifest WHERE tags.manifest = ? ORDER BY tag
            """, .integer(node), map: CatalogFacts.tag)
    }

    func indexes(listing node: Int) throws -> [Int] {
        try database.rows(
            """
            SELECT parent.id FROM manifests AS own CROSS JOIN children ON children.digest = own.digest
                CROSS JOIN manifests AS parent ON parent.id = children.manifest
            WHERE own.id = ? AND parent.registry = own.registry AND parent.repository = own.repository ORDER BY parent.id
            """, .integer(node)
        ) { $0.int(0) }
    }

    func subject(of node: Int) throws -> Int? {
        let own = try database.first(
            "SELECT registry, repository, subject FROM manifests WHERE id = ? AND subject IS NOT NULL", .integer(node)
        ) { (registry: $0.text(0), repository: $0.text(1), subject: Digest($0.text(2))) }
        guard let own, let subject = own.subject else { return nil }
        return try database.manifestID(own.registry, own.repository, subject)
    }

    func size(of blob: Digest) throws -> Int? {
        try database.first("SELECT size FROM blobs WHERE digest = ?", .digest(blob)) { $0.size(0) }
    }

    func nodes(naming blob: Digest, limit: Int) throws -> (count: Int, nodes: [Int]) {
        // What is deleted already, but for what it named, names nothing.
        let count = try database.first("SELECT count(*) FROM refs WHERE digest = ?", .digest(blob)) { $0.int(0) } ?? 0
        let nodes = try database.rows(
            """
            SELECT manifest FROM refs CROSS JOIN manifests ON manifests.id = refs.manifest
            WHERE refs.digest = ? AND registry <> ' forgotten' LIMIT ?
            """, .digest(blob), .integer(limit)
        ) { $0.int(0) }
        return (count, nodes)
    }

    func leases(on digest: Digest) throws -> [LeaseFact] {
        try database.rows("SELECT owner, until FROM leases WHERE digest = ? ORDER BY until DESC, owner", .digest(digest)) {
            LeaseFact(owner: $0.text(0), until: $0.time(1))
        }
    }

    func isInUse(_ node: Int) throws -> Bool {
        try database.first(
            """
            SELECT EXISTS (
                SELECT 1 FROM manifests JOIN leases ON leases.digest = manifests.digest
                WHERE manifests.id = ?1 AND owner >= 'hold ' AND owner < 'hold!' AND until > ?2
            ) OR EXISTS (SELECT 1 FROM refs WHERE manifest = ?1) AND NOT EXISTS (
                SELECT 1 FROM refs WHERE manifest = ?1 AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.digest = refs.digest AND until > ?2)
            )
            """, .integer(node), .integer(now)
        ) { $0.int(0) != 0 } ?? false
    }

    func taggedRepositories() throws -> [String] {
        try database.rows("SELECT DISTINCT repository FROM tags WHERE registry = '' ORDER BY repository") { $0.text(0) }
    }

    func tags(of repository: String) throws -> [TagFact] {
        try database.rows(
            """
            SELECT tag, digest, updated_at, seq, EXISTS (SELECT 1 FROM pins WHERE pins.manifest = tags.manifest)
            FROM tags JOIN manifests ON manifests.id = tags.manifest WHERE tags.registry = '' AND tags.repository = ? ORDER BY tag
            """, .text(repository), map: CatalogFacts.tag)
    }

    func newerTags(than seq: Int, in repository: String, limit: Int) throws -> Int {
        try database.first(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM tags INDEXED BY tags_by_age WHERE registry = '' AND repository = ? AND seq > ?
                    AND NOT (length(tag) >= 71 AND (tag GLOB 'sha256-*' OR tag GLOB 'sha512-*')) ORDER BY seq DESC LIMIT ?
            )
            """, .text(repository), .integer(seq), .integer(limit)
        ) { $0.int(0) } ?? 0
    }

    func tagCounts() throws -> [RepositoryName: Int] {
        let counts = try database.rows("SELECT registry, repository, count(*) FROM tags GROUP BY registry, repository") {
            (RepositoryName(registry: $0.text(0), repository: $0.text(1)), $0.int(2))
        }
        return Dictionary(uniqueKeysWithValues: counts)
    }

    func eachManifest(_ body: (Int, RepositoryName) throws -> Void) throws {
        // In the order of an index that has all of it.
        let manifests = try database.cursor(
            "SELECT id, registry, repository FROM manifests WHERE registry <> ' forgotten' ORDER BY registry, repository, digest")
        while let row = try manifests.next() {
            try body(row.int(0), RepositoryName(registry: row.text(1), repository: row.text(2)))
        }
    }

    func eachBlob(_ body: (_ size: Int, _ named: [Int], _ partial: [Int]) throws -> Void) throws {
        // Cursors in the order of the digests, as their indexes have it: neither a look-up nor a sort for each row.
        let blobs = try database.cursor("SELECT digest, size FROM blobs ORDER BY digest")
        var refs = try Holders(database.cursor("SELECT digest, manifest FROM refs ORDER BY digest"))
        var kept = try Holders(database.cursor("SELECT digest, copy FROM partial_refs ORDER BY digest"))
        while let row = try blobs.next() {
            let digest = try row.digest(0)
            try body(row.size(1), refs.of(digest), kept.of(digest))
        }
    }

    /// What holds blobs, from a cursor that gives pairs in the order of the digests.
    private struct Holders {
        private let cursor: Cursor
        private var next: (digest: Digest, holder: Int)?
        private var found: [Int] = []

        init(_ cursor: Cursor) throws {
            self.cursor = cursor
            try advance()
        }

        /// The holders of a digest, which is larger than the one asked for before. A manifest may list what is not there.
        mutating func of(_ digest: Digest) throws -> [Int] {
            found.removeAll(keepingCapacity: true)
            while let current = next, !(digest < current.digest) {
                if current.digest == digest { found.append(current.holder) }
                try advance()
            }
            return found
        }

        private mutating func advance() throws { next = try cursor.next().map { (try $0.digest(0), $0.int(1)) } }
    }

    func partialCopies() throws -> [PartialFact] {
        let copies = try database.rows(
            """
            SELECT id, registry, repository, digest, used_at, (SELECT length(bytes) FROM partial_manifests WHERE copy = id)
            FROM partial_copies WHERE registry <> ' forgotten' ORDER BY id
            """
        ) { row in
            let place = ManifestPlace(registry: row.text(1), repository: row.text(2), digest: try row.digest(3))
            return (id: row.int(0), place: place, lastUse: row.time(4), size: row.int(5))
        }
        return try copies.map { copy in
            let tags = try database.rows("SELECT tag FROM partial_tags WHERE copy = ? ORDER BY tag", .integer(copy.id)) { $0.text(0) }
            return PartialFact(id: copy.id, place: copy.place, tags: tags, lastUse: copy.lastUse, manifestSize: copy.size)
        }
    }

    func partialCopies(keeping blob: Digest, limit: Int) throws -> [ManifestPlace] {
        try database.rows(
            """
            SELECT registry, repository, partial_copies.digest FROM partial_refs JOIN partial_copies ON id = copy
            WHERE partial_refs.digest = ? AND registry <> ' forgotten' ORDER BY id LIMIT ?
            """, .digest(blob), .integer(limit)
        ) { ManifestPlace(registry: $0.text(0), repository: $0.text(1), digest: try $0.digest(2)) }
    }

    func partialCopies(of manifest: Digest) throws -> [(place: ManifestPlace, lastUse: Int)] {
        try database.rows(
            """
            SELECT registry, repository, used_at FROM partial_copies WHERE digest = ? AND registry <> ' forgotten'
            ORDER BY registry, repository
            """, .digest(manifest)
        ) { (ManifestPlace(registry: $0.text(0), repository: $0.text(1), digest: manifest), $0.time(2)) }
    }

    func copies() throws -> [(node: Int, lastUse: Int)] {
        try database.rows(
            """
            SELECT tags.manifest, max(max(updated_at), coalesce(used_at, 0)) FROM tags LEFT JOIN uses ON uses.manifest = tags.manifest
            WHERE registry <> '' GROUP BY tags.manifest
            """
        ) { (node: $0.int(0), lastUse: $0.time(1)) }
    }

    func lastUse(of copy: Int) throws -> Int? {
        try database.first(
            """
            SELECT max(max(updated_at), coalesce((SELECT used_at FROM uses WHERE manifest = ?1), 0)) FROM tags
            WHERE manifest = ?1 AND registry <> '' HAVING count(*) > 0
            """, .integer(copy)
        ) { $0.time(0) }
    }

    static func tag(_ row: Row) throws -> TagFact {
        TagFact(tag: row.text(0), manifest: try row.digest(1), updatedAt: row.time(2), seq: row.int(3), isPinned: row.int(4) != 0)
    }
}
