import RxModel

extension DiskStore {
    /// How many tags one write transaction of an eviction removes.
    static let expiryBatch = 32

    /// Removes the tags that the options' retention rules let go, in turns, each of which looks at them again; with `dryRun` only tells. That
    /// is durable before anything that they named is deleted.
    func expire(_ options: CollectionOptions) throws -> [ExpiredTag] {
        guard let policy = options.retention else { return [] }
        let planned = try catalog.read { database in try plan(policy, options, database).expired() }
        return options.dryRun ? planned : try remove(planned, options)
    }

    /// Removes those of some tags that the rules let go still. Gives them.
    func remove(_ planned: [ExpiredTag], _ options: CollectionOptions) throws -> [ExpiredTag] {
        guard let policy = options.retention else { return [] }
        // What lists or signs other manifests comes last, when it is certain whether those go.
        let tags = planned.filter { !$0.isAside } + planned.filter(\.isAside)
        var expired: [ExpiredTag] = []
        try catalog.inTurns(tags) { turn, tag in
            guard try turn.database.isStillExpired(tag, try plan(policy, options, turn.database)) else { return }
            try turn.database.run(
                "DELETE FROM tags WHERE registry = '' AND repository = ? AND tag = ?", .text(tag.reference.repository),
                .text(tag.reference.tag))
            expired.append(tag)
        }
        return expired
    }

    private func plan(
        _ policy: RetentionPolicy, _ options: CollectionOptions, _ database: Database
    ) throws -> RetentionPlan<CatalogFacts> {
        let facts = CatalogFacts(database: database)
        return RetentionPlan(facts, policy, CollectionTimes(options, leaseTime: leaseTime, now: try facts.now))
    }
}

extension ExpiredTag {
    /// Whether the tag lists or signs another manifest.
    var isAside: Bool { TagFact(tag: reference.tag, manifest: manifest, updatedAt: 0, seq: 0, isPinned: false).asideOf != nil }
}

extension Database {
    /// Whether a tag that was found to go a moment ago is as it was, and would go still: it was not put again nor pinned, and there
    /// are as many newer ones as its rule wants.
    fileprivate func isStillExpired(_ tag: ExpiredTag, _ plan: RetentionPlan<CatalogFacts>) throws -> Bool {
        let reference = tag.reference
        let found = try first(
            """
            SELECT tag, digest, updated_at, seq, EXISTS (SELECT 1 FROM pins WHERE pins.manifest = tags.manifest)
            FROM tags JOIN manifests ON manifests.id = tags.manifest WHERE tags.registry = '' AND tags.repository = ? AND tag = ?
            """, .text(reference.repository), .text(reference.tag), map: CatalogFacts.tag)
        guard let found, found.seq == tag.seq, found.manifest == tag.manifest else { return false }
        return try plan.expiry(ManifestPlace(registry: "", repository: reference.repository, digest: found.manifest), found) != nil
    }
}
