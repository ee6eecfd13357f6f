import RxModel

/// Who names a blob or manifest: some of them, when they are very many.
struct Naming {
    /// Where manifests are that name it.
    var places: [LostBlob.Place] = []
    /// Locators of those, and of the indexes that list them.
    var locators: [String] = []

    /// How many of each are given.
    static let limit = 16
    /// How far up indexes are followed.
    static let depth = 8
}

extension Database {
    /// Who names a blob.
    func naming(_ digest: Digest) throws -> Naming {
        let ids = try rows("SELECT manifest FROM refs WHERE digest = ? LIMIT ?", .digest(digest), .integer(Naming.limit)) { $0.int(0) }
        return try naming(manifests: ids)
    }

    /// Where manifests are, and the locators that need them.
    func naming(manifests ids: [Int]) throws -> Naming {
        var naming = Naming()
        for id in ids { if let place = try place(of: id) { naming.places.append(place) } }
        var seen: Set<Int> = []
        var level = ids
        for _ in 0..<Naming.depth where naming.locators.count < Naming.limit {
            level = level.filter { seen.insert($0).inserted }
            for id in level { naming.locators += try locators(of: id) }
            level = try level.flatMap { try parents(of: $0) }
        }
        naming.locators = Array(naming.locators.prefix(Naming.limit))
        return naming
    }

    private func place(of id: Int) throws -> LostBlob.Place? {
        try first("SELECT registry, repository, digest FROM manifests WHERE id = ?", .integer(id)) {
            LostBlob.Place(registry: $0.text(0), repository: $0.text(1), manifest: try $0.digest(2))
        }
    }

    /// The tags of a manifest; its digest when it has none and no index lists it.
    private func locators(of id: Int) throws -> [String] {
        let tags = try rows(
            "SELECT registry, repository, tag FROM tags WHERE manifest = ? ORDER BY seq DESC LIMIT ?", .integer(id), .integer(Naming.limit)
        ) { Reference(registry: $0.text(0), repository: $0.text(1), tag: $0.text(2)).description }
        guard tags.isEmpty, try parents(of: id).isEmpty, let place = try place(of: id) else { return tags }
        let repository = place.registry.isEmpty ? place.repository : "\(place.registry)/\(place.repository)"
        return ["\(repository)@\(place.manifest)"]
    }

    /// The indexes of the same repository that list a manifest.
    private func parents(of id: Int) throws -> [Int] {
        try rows(
            """
            SELECT parent.id FROM manifests AS own CROSS JOIN children ON children.digest = own.digest
                CROSS JOIN manifests AS parent ON parent.id = children.manifest AND parent.registry = own.registry
                    AND parent.repository = own.repository
            WHERE own.id = ? LIMIT ?
            """, .integer(id), .integer(Naming.limit)
        ) { $0.int(0) }
    }
}
