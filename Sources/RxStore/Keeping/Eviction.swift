import RxModel

/// What an eviction of copies removed, or would remove.
public struct Eviction: Sendable, Equatable {
    /// A copy whose tags go.
    public struct Copy: Sendable, Equatable {
        /// Where it is.
        public let place: ManifestPlace
        /// Its tags, in the order of their bytes.
        public let tags: [String]
        /// When it was last used or put, to the hour (seconds since 1970).
        public let lastUse: Int
        /// The bytes that go with it, after those before it went.
        public let bytes: Int
        /// Whether only some of its files were here.
        public let isPartial: Bool

        /// Describes a copy.
        public init(place: ManifestPlace, tags: [String], lastUse: Int, bytes: Int, isPartial: Bool = false) {
            self.isPartial = isPartial
            self.place = place
            self.tags = tags
            self.lastUse = lastUse
            self.bytes = bytes
        }
    }

    /// The bytes that only copies named before.
    public var before: Int
    /// The bytes that only copies name afterwards.
    public var after: Int
    /// What went, in this order.
    public var copies: [Copy]
    /// How many copies stay because they are pinned or in use, though they were looked at.
    public var spared: Int

    /// Describes an eviction.
    public init(before: Int, after: Int, copies: [Copy], spared: Int) {
        self.before = before
        self.after = after
        self.copies = copies
        self.spared = spared
    }
}

/// Finds the copies that have to go until the rest fits.
struct EvictionPlan<Facts: StoreFacts> {
    /// What goes as a whole.
    enum Subject {
        /// The manifest of a copy that has a tag.
        case copy(Facts.Node)
        /// A copy of which only some files are here.
        case partial(PartialFact)
    }

    /// A copy, and all that it keeps.
    private struct Owner {
        let subject: Subject
        let lastUse: Int
        /// The manifests that it keeps.
        var members: [Facts.Node] = []
    }

    /// A copy to remove.
    struct Victim {
        let subject: Subject
        let members: [Facts.Node]
        let lastUse: Int
        let bytes: Int
    }

    /// The bytes that only copies name.
    let before: Int
    /// What they are without the victims.
    private(set) var after: Int
    /// What goes, in this order.
    private(set) var victims: [Victim] = []
    /// How many were passed over because they are pinned or in use.
    private(set) var spared = 0

    /// What is held in memory grows with manifests and with the different groups of copies that share blobs, not with blobs.
    init(_ facts: Facts, limit: Int, sparing spared: ManifestPlace?) throws {
        var owners = try facts.copies().map { Owner(subject: .copy($0.node), lastUse: $0.lastUse) }
        owners += try facts.partialCopies().map { Owner(subject: .partial($0), lastUse: $0.lastUse) }
        owners.sort { $0.lastUse < $1.lastUse }
        var indexes: [Facts.Node: Int] = [:]
        var partial: [Int: Int] = [:]
        for (index, owner) in owners.enumerated() {
            switch owner.subject {
            case .copy(let node): indexes[node] = index
            case .partial(let copy): partial[copy.id] = index
            }
        }
        /// The owners of each manifest of a copy; -1 stands for what keeps it besides them.
        var owned: [Facts.Node: [Int]] = [:]
        let reachability = Reachability(facts: facts, times: CollectionTimes(CollectionOptions(), leaseTime: 0, now: try facts.now)) {
            _, _ in nil
        }
        try facts.eachManifest { node, name in
            guard !name.registry.isEmpty else { return }
            let (tagged, isFixed) = try reachability.owners(of: node) { indexes[$0] }
            for index in tagged { owners[index].members.append(node) }
            owned[node] = isFixed ? tagged + [-1] : tagged
        }
        // Blobs with the same owners are one group: only their bytes matter.
        var groups: [Set<Int>: Int] = [:]
        for owner in owners.indices {
            // Its manifest is needed by nothing else.
            if case .partial(let copy) = owners[owner].subject { groups[[owner]] = copy.manifestSize }
        }
        try facts.eachBlob { size, nodes, copies in
            var group = Set(copies.compactMap { partial[$0] })
            for node in nodes {
                // What a resource of the store's own names does not count as the copies'.
                guard let indexes = owned[node] else { return }
                group.formUnion(indexes)
            }
            if !group.isEmpty { groups[group, default: 0].addCapped(size) }
        }
        before = groups.values.cappedSum
        after = before
        try choose(facts, owners, groups, limit, spared)
    }

    private mutating func choose(
        _ facts: Facts, _ owners: [Owner], _ groups: [Set<Int>: Int], _ limit: Int, _ spared: ManifestPlace?
    ) throws {
        var groups = groups.map { (owners: $0.key, bytes: $0.value) }
        var groupsOf: [Int: [Int]] = [:]
        for (index, group) in groups.enumerated() { for owner in group.owners { groupsOf[owner, default: []].append(index) } }
        for (index, owner) in owners.enumerated() {
            guard after > limit else { return }
            // One that shares all it has with the store's own resources frees nothing.
            guard let own = groupsOf[index] else { continue }
            guard try !stays(owner, spared, facts) else {
                self.spared += 1
                continue
            }
            var freed = 0
            for at in own {
                groups[at].owners.remove(index)
                if groups[at].owners.isEmpty { freed.addCapped(groups[at].bytes) }
            }
            after -= freed
            victims.append(Victim(subject: owner.subject, members: owner.members, lastUse: owner.lastUse, bytes: freed))
        }
    }

    private func stays(_ owner: Owner, _ spared: ManifestPlace?, _ facts: Facts) throws -> Bool {
        switch owner.subject {
        case .copy(let node): try facts.place(of: node) == spared || EvictionPlan.stays(node, owner.members, facts)
        case .partial(let copy): copy.place == spared
        }
    }

    /// Whether a copy, or anything that it keeps, is pinned or in use.
    static func stays(_ node: Facts.Node, _ members: [Facts.Node], _ facts: Facts) throws -> Bool {
        try (members + [node]).contains { try facts.standing(of: $0).pinnedAt != nil || facts.isInUse($0) }
    }
}

extension PartialFact {
    /// What is told of it when it goes with so many bytes.
    func evicted(_ bytes: Int) -> Eviction.Copy {
        Eviction.Copy(place: place, tags: tags, lastUse: lastUse, bytes: bytes, isPartial: true)
    }
}
