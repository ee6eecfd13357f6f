import RxModel

/// Which manifests a collection leaves and which it deletes, by one look at the catalog.
///
/// A manifest lives while a tag names it, while it is pinned, while an operation holds it, while an index that lives lists it, while its subject lives, and while
/// the rule for those without a tag leaves it. Only those without a tag are looked at one by one: the others need no more than their id.
/// Source: Specs/11-distribution, OCI-118.
struct LiveManifests {
    /// Those that nothing keeps: each behind the indexes that list it, and behind its subject where that is possible.
    private(set) var dead: [Int] = []
    /// How many of them refer to another manifest.
    private(set) var deadReferrers = 0
    /// Those that are deleted already, but for what they named.
    private(set) var forgotten: [Int] = []
    /// How many live, by what keeps them.
    private(set) var kept = CollectionReport.Kept()

    fileprivate enum Keeper { case pinned, held, untagged, index, subject }

    /// What is known of a manifest without a tag.
    private struct Candidate {
        let id: Int
        var isReferrer = false
        var isForgotten = false
        /// What keeps it by itself.
        var own: Keeper?
        /// The indexes that list it and its subject: positions among the candidates, or nil for one that has a tag.
        var holders: [(position: Int?, keeper: Keeper)] = []
        /// Those that live when this one does.
        var keeps: [(position: Int, keeper: Keeper)] = []
        var isLive = false
    }

    /// Looks at the catalog, inside a transaction. With `keepsTag`, the tags that it is false for count for nothing, as if they were removed.
    init(_ database: Database, _ rule: KeepingRule, keepsTag: ((Reference) throws -> Bool)? = nil) throws {
        let (tagged, losing) = try LiveManifests.tagged(database, keepsTag)
        var candidates: [Candidate] = []
        var positions: [Int: Int] = [:]
        let ids = try database.cursor("SELECT id FROM manifests INDEXED BY manifests_by_digest ORDER BY digest")
        while let row = try ids.next() {
            let id = row.int(0)
            guard !tagged.contains(id) else {
                kept.tagged += 1
                continue
            }
            positions[id] = candidates.count
            candidates.append(Candidate(id: id))
        }
        var waiting: [Int] = []
        for position in candidates.indices {
            try look(at: position, of: &candidates, positions, tagged, losing, database, rule)
            if candidates[position].isLive { waiting.append(position) }
        }
        while let position = waiting.popLast() {
            for (other, _) in candidates[position].keeps where !candidates[other].isLive {
                candidates[other].isLive = true
                waiting.append(other)
            }
        }
        for candidate in candidates { count(candidate) { candidates[$0].isLive } }
        dead = LiveManifests.inOrder(candidates)
    }

    /// The dead among the candidates: no index comes behind what it lists, and where nothing else is left a referrer comes before its subject,
    /// which may be among what the referrer lists itself.
    private static func inOrder(_ candidates: [Candidate]) -> [Int] {
        let isDead = candidates.map { !$0.isLive && !$0.isForgotten }
        var indexes = [Int](repeating: 0, count: candidates.count)
        var subjects = indexes
        for (position, candidate) in candidates.enumerated() where isDead[position] {
            for holder in candidate.holders {
                guard let other = holder.position, isDead[other] else { continue }
                if holder.keeper == .index { indexes[position] += 1 } else { subjects[position] += 1 }
            }
        }
        var order: [Int] = []
        var isDone = [Bool](repeating: false, count: candidates.count)
        // The last of `ready` is next; then those that only their subject stands before.
        var ready = candidates.indices.filter { isDead[$0] && indexes[$0] == 0 && subjects[$0] == 0 }
        var behindSubject = candidates.indices.filter { isDead[$0] && indexes[$0] == 0 && subjects[$0] > 0 }
        while let next = ready.popLast() ?? behindSubject.popLast() {
            guard !isDone[next] else { continue }
            isDone[next] = true
            order.append(candidates[next].id)
            for (other, keeper) in candidates[next].keeps where isDead[other] && !isDone[other] {
                if keeper == .index { indexes[other] -= 1 } else { subjects[other] -= 1 }
                guard indexes[other] == 0 else { continue }
                if subjects[other] == 0 { ready.append(other) } else { behindSubject.append(other) }
            }
        }
        return order
    }

    /// Notes what keeps a manifest without a tag, or might.
    private func look(
        at position: Int, of candidates: inout [Candidate], _ positions: [Int: Int], _ tagged: IDSet, _ losing: IDSet,
        _ database: Database, _ rule: KeepingRule
    ) throws {
        let id = candidates[position].id
        guard let own = try database.holding(id), own.registry != Database.forgotten else {
            candidates[position].isForgotten = true
            return
        }
        candidates[position].isReferrer = own.subject != nil
        if try database.isPinned(id) {
            candidates[position].own = .pinned
        } else if try database.isHeld(own.digest, beyond: rule.leaseEnd) {
            candidates[position].own = .held
        } else if try rule.keepsUntagged(id, own, losesTag: losing.contains(id), database) {
            candidates[position].own = .untagged
        }
        for (holder, keeper) in try LiveManifests.holders(of: own, database) {
            if let other = positions[holder] {
                candidates[position].holders.append((other, keeper))
                candidates[other].keeps.append((position, keeper))
            } else if tagged.contains(holder) {
                candidates[position].holders.append((nil, keeper))
            }
        }
        candidates[position].isLive = candidates[position].own != nil || candidates[position].holders.contains { $0.position == nil }
    }

    /// Counts a manifest under the first that keeps it: a pin, an index, its subject, an operation, the rule.
    private mutating func count(_ candidate: Candidate, isLive: (Int) -> Bool) {
        func isKept(by keeper: Keeper) -> Bool {
            candidate.holders.contains { $0.keeper == keeper && ($0.position.map(isLive) ?? true) }
        }
        if candidate.isForgotten {
            forgotten.append(candidate.id)
        } else if !candidate.isLive {
            if candidate.isReferrer { deadReferrers += 1 }
        } else if candidate.own == .pinned {
            kept.pinned += 1
        } else if isKept(by: .index) {
            kept.listed += 1
        } else if isKept(by: .subject) {
            kept.referrers += 1
        } else if candidate.own == .held {
            kept.held += 1
        } else {
            kept.untagged += 1
        }
    }

    /// The manifests that tags name, and those that lose one.
    private static func tagged(_ database: Database, _ keepsTag: ((Reference) throws -> Bool)?) throws -> (IDSet, losing: IDSet) {
        var (tagged, losing) = (IDSet(), IDSet())
        let tags = try database.cursor("SELECT manifest, registry, repository, tag FROM tags INDEXED BY tags_by_manifest ORDER BY manifest")
        while let row = try tags.next() {
            let isKept = try keepsTag?(Reference(registry: row.text(1), repository: row.text(2), tag: row.text(3))) ?? true
            if isKept { tagged.insert(row.int(0)) } else { losing.insert(row.int(0)) }
        }
        return (tagged, losing)
    }

    /// The manifests of its repository that keep one while they live: the indexes that list it, and its subject.
    fileprivate static func holders(of own: Database.Holding, _ database: Database) throws -> [(Int, Keeper)] {
        var holders: [(Int, Keeper)] = try database.parents(of: own).map { ($0, .index) }
        if let subject = own.subject, let id = try database.manifestID(own.registry, own.repository, subject) {
            holders.append((id, .subject))
        }
        return holders
    }
}

/// What keeps a manifest or blob beside names: leases, and the rule for manifests without a tag, at one moment.
struct KeepingRule {
    private let times: CollectionTimes
    /// A lease that ends by this time (seconds since 1970) is over.
    var leaseEnd: Int { times.leaseEnd }

    /// The rule at these times.
    init(_ times: CollectionTimes) { self.times = times }

    /// Whether a manifest stays that nothing else keeps; with `losesTag` it has been without a tag from now on.
    func keepsUntagged(_ id: Int, _ own: Database.Holding, losesTag: Bool = false, _ database: Database) throws -> Bool {
        func isYoung() throws -> Bool {
            try losesTag ? times.now > times.oldest : database.isWithoutTag(id, since: times.oldest)
        }
        return switch times.untagged {
        case .all: true
        case .byDigest: try own.isByDigest || isYoung()
        case .younger: try isYoung()
        }
    }
}

extension Database {
    /// What the owners of leases begin with that keep a manifest and all that it names, in place of a lease on each blob.
    static let holder = "hold "
    /// The registry of manifests that are deleted but for what they named: no host has such a name.
    static let forgotten = " forgotten"

    /// What decides whether a manifest without a tag stays.
    struct Holding {
        let registry: String
        let repository: String
        let digest: Digest
        /// The manifest that it refers to, where it is known which that is.
        let subject: Digest?
        let isByDigest: Bool
    }

    /// What decides about a manifest; nil when it is gone.
    func holding(_ id: Int) throws -> Holding? {
        try first("SELECT registry, repository, digest, subject, by_digest FROM manifests WHERE id = ?", .integer(id)) {
            Holding(
                registry: $0.text(0), repository: $0.text(1), digest: try $0.digest(2), subject: Digest($0.text(3)),
                isByDigest: $0.int(4) != 0)
        }
    }

    /// Whether an operation holds the manifests of a digest beyond a time.
    func isHeld(_ digest: Digest, beyond time: Int) throws -> Bool {
        try first(
            "SELECT 1 FROM leases WHERE digest = ? AND until > ? AND owner >= 'hold ' AND owner < 'hold!'", .digest(digest), .integer(time)
        ) { _ in true } ?? false
    }

    /// Whether a manifest was put, or lost its last tag, after a time.
    func isWithoutTag(_ id: Int, since time: Int) throws -> Bool {
        try first("SELECT 1 FROM untagged WHERE manifest = ? AND since > ?", .integer(id), .integer(time)) { _ in true } ?? false
    }

    /// The indexes of its repository that list a manifest.
    func parents(of own: Holding) throws -> [Int] {
        try rows(
            """
            SELECT parent.id FROM children CROSS JOIN manifests AS parent ON parent.id = children.manifest
            WHERE children.digest = ? AND parent.registry = ? AND parent.repository = ?
            """, .digest(own.digest), .text(own.registry), .text(own.repository)
        ) { $0.int(0) }
    }

    /// Whether nothing at all keeps a manifest at the moment: no tag, no pin, no operation, no rule, no index, and no subject that lives.
    func isWithoutHolder(_ id: Int, _ rule: KeepingRule) throws -> Bool {
        guard let own = try holding(id), own.registry != Database.forgotten, try !isKeptByItself(id, own, rule),
            try parents(of: own).isEmpty
        else { return false }
        guard let subject = own.subject, let holder = try manifestID(own.registry, own.repository, subject) else { return true }
        return try !isLive(holder, rule)
    }

    /// Whether something beside other manifests keeps one.
    private func isKeptByItself(_ id: Int, _ own: Holding, _ rule: KeepingRule) throws -> Bool {
        if try first("SELECT 1 FROM tags WHERE manifest = ?", .integer(id), map: { _ in true }) != nil { return true }
        return try isPinned(id) || isHeld(own.digest, beyond: rule.leaseEnd) || rule.keepsUntagged(id, own, self)
    }

    /// Whether a manifest is kept, by itself or by others, whichever way round they keep one another. Where there are very many of those it
    /// says yes: others wait meanwhile, and a later collection meets fewer of them.
    private func isLive(_ id: Int, _ rule: KeepingRule) throws -> Bool {
        var seen: Set<Int> = [id]
        var waiting = [id]
        while let next = waiting.popLast() {
            guard let own = try holding(next), own.registry != Database.forgotten else { continue }
            if try isKeptByItself(next, own, rule) { return true }
            for (holder, _) in try LiveManifests.holders(of: own, self) where seen.insert(holder).inserted { waiting.append(holder) }
            if seen.count > Database.mostHolders { return true }
        }
        return false
    }

    /// How many manifests that keep one another are looked at in one transaction.
    private static let mostHolders = 256
}
