public import RxModel
import RxPosix
import Synchronization

extension MemoryStore {
    public func pin(_ record: ResourceRecord) throws -> Bool {
        try state.withLock { state in
            let place = try state.requiredManifest(of: record)
            guard state.pins[place] == nil else { return false }
            state.pins[place] = Clock.now
            return true
        }
    }

    public func unpin(_ record: ResourceRecord) throws -> Bool {
        try state.withLock { state in try state.pins.removeValue(forKey: state.requiredManifest(of: record)) != nil }
    }

    public func pins() throws -> [Pin] {
        state.withLock { state in
            state.pins.map { place, pinnedAt in
                Pin(place: place, tags: MemoryFacts(state: state).tags(on: place).map(\.tag), pinnedAt: pinnedAt)
            }.sorted { a, b in
                (a.place.registry, a.place.repository, a.place.digest) < (b.place.registry, b.place.repository, b.place.digest)
            }
        }
    }

    public func explain(_ digest: ContentDigest, _ options: CollectionOptions) throws -> Explanation? {
        try state.withLock { state in
            let facts = MemoryFacts(state: state)
            let times = CollectionTimes(options, leaseTime: leaseTime, now: facts.now)
            return try facts.explanation(of: digest, options, times) { _, _ in [] }
        }
    }

    public func usage() throws -> StoreUsage { try state.withLock { try MemoryFacts(state: $0).usage() } }

    public func noteUse(of record: ResourceRecord) throws {
        let reference = record.reference
        guard !reference.registry.isEmpty else { return }
        state.withLock { state in
            guard let place = try? state.requiredManifest(of: record) else { return }
            state.uses[place] = max(state.uses[place] ?? 0, Clock.now)
        }
    }

    public func evictCopies(to limit: Int, sparing spared: ManifestPlace?, dryRun: Bool) throws -> Eviction {
        try state.withLock { state in
            let facts = MemoryFacts(state: state)
            let plan = try EvictionPlan(facts, limit: limit, sparing: spared)
            let copies = plan.victims.map { victim in
                switch victim.subject {
                case .copy(let node):
                    Eviction.Copy(place: node, tags: facts.tags(on: node).map(\.tag), lastUse: victim.lastUse, bytes: victim.bytes)
                case .partial(let copy): copy.evicted(victim.bytes)
                }
            }
            for copy in copies where !dryRun {
                if copy.isPartial {
                    state.removePartial(copy.place)
                } else {
                    for tag in copy.tags { state.removeTag(copy.place.reference(tag)) }
                }
            }
            if !dryRun, !copies.isEmpty { state.version += 1 }
            return Eviction(before: plan.before, after: plan.after, copies: copies, spared: plan.spared)
        }
    }
}

extension MemoryStore.State {
    /// Where a record's manifest is. Throws `RegistryError` when it has gone.
    func requiredManifest(of record: ResourceRecord) throws -> ManifestPlace {
        let reference = record.reference
        let place = ManifestPlace(registry: reference.registry, repository: reference.repository, digest: record.manifestDigest)
        guard MemoryFacts(state: self).node(place) != nil else { throw RegistryError.notFound(reference.description) }
        return place
    }

    /// Whether the manifest that a tag names is pinned.
    func isPinned(_ tag: Reference) -> Bool {
        guard let manifest = tags[tag]?.manifest else { return false }
        return pins[ManifestPlace(registry: tag.registry, repository: tag.repository, digest: manifest)] != nil
    }

    /// Removes the tags that the options' retention rules let go, and tells which.
    mutating func expire(_ options: CollectionOptions, leaseTime: Int) throws -> [ExpiredTag] {
        guard let policy = options.retention else { return [] }
        let times = CollectionTimes(options, leaseTime: leaseTime, now: Clock.now)
        let expired = try RetentionPlan(MemoryFacts(state: self), policy, times).expired()
        for tag in expired { removeTag(tag.reference) }
        return expired
    }
}
