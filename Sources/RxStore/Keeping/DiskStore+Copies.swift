import RxModel

extension DiskStore {
    /// A use is noted when the last note is so old, in seconds.
    static let useInterval = 3600

    public func noteUse(of record: ResourceRecord) throws {
        let reference = record.reference
        guard !reference.registry.isEmpty else { return }
        let id = try catalog.read { database -> Int? in
            guard let id = try database.manifestID(reference.registry, reference.repository, record.manifestDigest),
                case let last = try CatalogFacts(database: database).lastUse(of: id) ?? 0,
                try last <= database.now() - DiskStore.useInterval
            else { return nil }
            return id
        }
        guard let id else { return }
        // A note that a power failure takes away costs nothing.
        try catalog.write(durably: false) { database, now in
            try database.run(
                """
                INSERT INTO uses SELECT id, ?2 FROM manifests WHERE id = ?1 AND digest = ?3
                ON CONFLICT DO UPDATE SET used_at = excluded.used_at
                """, .integer(id), .integer(now), .digest(record.manifestDigest))
        }
    }

    public func evictCopies(to limit: Int, sparing spared: ManifestPlace?, dryRun: Bool) throws -> Eviction {
        let (plan, found) = try catalog.read { database in
            let facts = CatalogFacts(database: database)
            let plan = try EvictionPlan(facts, limit: limit, sparing: spared)
            return (plan, try plan.victims.map { try facts.copy($0) })
        }
        var eviction = Eviction(before: plan.before, after: plan.after, copies: found, spared: plan.spared)
        guard !dryRun else { return eviction }
        eviction.copies = []
        for start in stride(from: 0, to: plan.victims.count, by: DiskStore.expiryBatch) {
            try catalog.write { database, _ in
                let facts = CatalogFacts(database: database)
                for index in start..<min(start + DiskStore.expiryBatch, found.count) {
                    let (victim, copy) = (plan.victims[index], found[index])
                    if try facts.remove(victim) {
                        eviction.copies.append(copy)
                    } else {
                        eviction.after.addCapped(victim.bytes)
                        eviction.spared += 1
                    }
                }
            }
        }
        return eviction
    }
}

extension CatalogFacts {
    fileprivate func copy(_ victim: EvictionPlan<CatalogFacts>.Victim) throws -> Eviction.Copy {
        switch victim.subject {
        case .copy(let node):
            Eviction.Copy(place: try place(of: node), tags: try tags(on: node).map(\.tag), lastUse: victim.lastUse, bytes: victim.bytes)
        case .partial(let copy): copy.evicted(victim.bytes)
        }
    }

    /// Removes a copy, unless it was used, put, pinned or taken into an operation since it was looked at. Gives whether it did.
    fileprivate func remove(_ victim: EvictionPlan<CatalogFacts>.Victim) throws -> Bool {
        switch victim.subject {
        case .copy(let node):
            guard try lastUse(of: node) == victim.lastUse, try !EvictionPlan.stays(node, victim.members.filter(exists), self) else {
                return false
            }
            try database.run("DELETE FROM tags WHERE manifest = ? AND registry <> ''", .integer(node))
        case .partial(let copy):
            let last = try database.first("SELECT used_at FROM partial_copies WHERE id = ?", .integer(copy.id)) { $0.time(0) }
            guard last == victim.lastUse else { return false }
            try database.forgetPartial(copy.id)
        }
        return true
    }

    /// Whether a manifest is still there.
    fileprivate func exists(_ node: Int) throws -> Bool {
        try database.first("SELECT 1 FROM manifests WHERE id = ?", .integer(node)) { _ in true } ?? false
    }
}
