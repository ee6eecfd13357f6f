import RxModel

extension DiskStore {
    /// How many tags one write transaction of a retention or an eviction removes.
    static let expiryBatch = 32

    /// Removes the tags that the options' retention rules let go, in small transactions, each of which looks at them again; with `dryRun`
    /// only tells.
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
        for start in stride(from: 0, to: tags.count, by: DiskStore.expiryBatch) {
            expired += try catalog.write { database, _ in
                let plan = try plan(policy, options, database)
                return try tags[start..<min(start + DiskStore.expiryBatch, tags.count)].filter { tag in
                    guard try database.isStillExpired(tag, policy, plan) else { return false }
                    try database.run(
                        "DELETE FROM tags WHERE registry = '' AND repository = ? AND tag = ?", .text(tag.reference.repository),
                        .text(tag.reference.tag))
                    return true
                }
            }
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
    fileprivate func isStillExpired(_ tag: ExpiredTag, _ policy: RetentionPolicy, _ plan: RetentionPlan<CatalogFacts>) throws -> Bool {
        let reference = tag.reference
        let found = try first(
            """
            SELECT tag, digest, updated_at, seq, EXISTS (SELECT 1 FROM pins WHERE pins.manifest = tags.manifest)
            FROM tags JOIN manifests ON manifests.id = tags.manifest WHERE tags.registry = '' AND tags.repository = ? AND tag = ?
            """, .text(reference.repository), .text(reference.tag), map: CatalogFacts.tag)
        guard let found, found.seq == tag.seq, found.manifest == tag.manifest, !found.isPinned,
            let (_, rule) = policy.rule(for: reference.repository), !rule.keeps(named: found.tag),
            !rule.keeps(putAt: found.updatedAt, now: plan.times.now)
        else { return false }
        guard found.asideOf == nil else {
            return try plan.expiry(ManifestPlace(registry: "", repository: reference.repository, digest: found.manifest), found) != nil
        }
        guard let most = rule.keepLast else { return true }
        let newer = try first(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM tags WHERE registry = '' AND repository = ? AND seq > ?
                    AND NOT (length(tag) >= 71 AND (tag GLOB 'sha256-*' OR tag GLOB 'sha512-*')) LIMIT ?
            )
            """, .text(reference.repository), .integer(found.seq), .integer(most)
        ) { $0.int(0) }
        return newer == most
    }
}
