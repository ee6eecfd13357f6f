import RxModel

/// Finds what keeps manifests: from a manifest up to tags, pins and whatever else stays by itself.
///
/// The collection marks downwards, from all of these; here the same rules are followed upwards, for one manifest at a time.
struct Reachability<Facts: StoreFacts> {
    let facts: Facts
    /// When it is, and which leases are over.
    let times: CollectionTimes
    /// Why a tag of one of this store's own repositories will go first; nil for one that stays.
    let expiry: (ManifestPlace, TagFact) throws -> ExpiredTag?

    /// The first thing that keeps a manifest by itself; nil when none does.
    func root(of node: Facts.Node) throws -> Reason? { try roots(of: node, first: true).first }

    /// What keeps a manifest by itself: its pin, tags, leases, and that it was put by its digest.
    func roots(of node: Facts.Node, first: Bool = false) throws -> [Reason] {
        let place = try facts.place(of: node)
        let standing = try facts.standing(of: node)
        var reasons: [Reason] = []
        if let pinnedAt = standing.pinnedAt { reasons.append(Reason(.pin(since: pinnedAt))) }
        if first, !reasons.isEmpty { return reasons }
        var since = standing.untaggedSince
        for tag in try facts.tags(on: node) {
            guard try expiry(place, tag) == nil else {
                since = times.now
                continue
            }
            reasons.append(Reason(.tag(Reference(registry: place.registry, repository: place.repository, tag: tag.tag))))
            if first { return reasons }
        }
        if reasons.isEmpty, let reason = untaggedReason(standing, since: since) { reasons.append(reason) }
        for lease in try facts.leases(on: place.digest) where lease.isHold && lease.until > times.leaseEnd {
            reasons.append(Reason(.reading(until: lease.until)))
        }
        return reasons
    }

    private func untaggedReason(_ standing: Standing, since: Int?) -> Reason? {
        let young = since.flatMap { $0 > times.oldest ? Reason(.untagged(since: $0)) : nil }
        return switch times.untagged {
        case .byDigest: standing.isByDigest ? Reason(.byDigest) : young
        case .all: Reason(.untagged(since: since))
        case .younger: young
        }
    }

    /// The shortest chain from a manifest to something that stays by itself; nil when there is none, and the manifest goes.
    func chain(from start: Facts.Node) throws -> Reason? {
        var came: [Facts.Node: (from: Facts.Node, reason: Reason.Kind)] = [:]
        var seen: Set<Facts.Node> = [start]
        var queue = [start]
        var next = 0
        while next < queue.count {
            let node = queue[next]
            next += 1
            if var reason = try root(of: node) {
                var at = node
                while let step = came[at] {
                    reason = Reason(step.reason, because: [reason])
                    at = step.from
                }
                return reason
            }
            for (holder, reason) in try holders(of: node) where seen.insert(holder).inserted {
                came[holder] = (node, reason)
                queue.append(holder)
            }
        }
        return nil
    }

    /// The manifests that keep another one if they stay: indexes that list it, and the one that it refers to.
    func holders(of node: Facts.Node) throws -> [(Facts.Node, Reason.Kind)] {
        var holders = try facts.indexes(listing: node).map { ($0, Reason.Kind.listed(by: try facts.place(of: $0))) }
        if let subject = try facts.subject(of: node) { holders.append((subject, .refers(to: try facts.place(of: subject)))) }
        return holders
    }

    /// All manifests that have a tag or stay by themselves, and from which a manifest is reached; and whether any stays for another reason
    /// than its tags.
    func owners(of start: Facts.Node, among tagged: (Facts.Node) -> Int?) throws -> (tagged: [Int], isFixed: Bool) {
        var found: [Int] = []
        var isFixed = false
        var seen: Set<Facts.Node> = [start]
        var queue = [start]
        while let node = queue.popLast() {
            if let index = tagged(node) { found.append(index) }
            let standing = try facts.standing(of: node)
            if standing.pinnedAt != nil || standing.isByDigest { isFixed = true }
            for (holder, _) in try holders(of: node) where seen.insert(holder).inserted { queue.append(holder) }
        }
        return (found, isFixed)
    }
}
