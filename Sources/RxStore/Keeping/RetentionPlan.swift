import RxModel

/// Which tags a retention policy lets go, by one look at the catalog.
///
/// A tag that lists or signs another manifest (OCI-154) stays as long as that manifest does, and does not count among the last ones.
final class RetentionPlan<Facts: StoreFacts> {
    private let facts: Facts
    private let policy: RetentionPolicy
    private let times: CollectionTimes
    /// Tags that are being judged: one that keeps itself, through what it signs, keeps nothing.
    private var judging: Set<Reference> = []

    init(_ facts: Facts, _ policy: RetentionPolicy, _ times: CollectionTimes) {
        self.facts = facts
        self.policy = policy
        self.times = times
    }

    /// How many tags that are named after one another are judged for the sake of one.
    static var longestChain: Int { 32 }

    /// What keeps manifests once these tags are gone.
    var reachability: Reachability<Facts> { Reachability(facts: facts, times: times, expiry: expiry) }

    /// Every tag that goes, by repository and tag.
    func expired() throws -> [ExpiredTag] {
        var expired: [ExpiredTag] = []
        for repository in try facts.taggedRepositories() where policy.rule(for: repository) != nil {
            expired += try self.expired(in: repository)
        }
        return expired
    }

    /// Why a tag goes; nil when it stays. What else there is in its repository does not matter to how long that takes.
    func expiry(_ place: ManifestPlace, _ tag: TagFact) throws -> ExpiredTag? {
        guard place.registry.isEmpty, let (index, rule) = policy.rule(for: place.repository), !tag.isPinned else { return nil }
        guard tag.asideOf == nil else { return try asideExpiry(place.repository, rule, index, tag) }
        guard !rule.keeps(tag, now: times.today) else { return nil }
        if let most = rule.keepLast, try facts.newerTags(than: tag.seq, in: place.repository, limit: most) < most { return nil }
        return expired(tag, place.repository, index, rule.words)
    }

    private func expired(in repository: String) throws -> [ExpiredTag] {
        guard let (index, rule) = policy.rule(for: repository) else { return [] }
        let tags = try facts.tags(of: repository)
        // Of all of them at once, the newest are known without a question for each.
        let last = tags.filter { $0.asideOf == nil }.map(\.seq).sorted(by: >)
        let oldest = rule.keepLast.map { $0 <= last.count ? last[$0 - 1] : .min } ?? .max
        return try tags.compactMap { tag in
            if tag.isPinned { return nil }
            guard tag.asideOf == nil else { return try asideExpiry(repository, rule, index, tag) }
            return tag.seq >= oldest || rule.keeps(tag, now: times.today) ? nil : expired(tag, repository, index, rule.words)
        }
    }

    private func asideExpiry(_ repository: String, _ rule: RetentionRule, _ index: Int, _ tag: TagFact) throws -> ExpiredTag? {
        guard !rule.keeps(tag, now: times.today), let name = tag.asideOf else { return nil }
        let reference = Reference(repository: repository, tag: tag.tag)
        guard judging.insert(reference).inserted else { return expired(tag, repository, index, "it keeps nothing but itself") }
        defer { judging.remove(reference) }
        // Anybody may push a long chain of them; what is further down goes with a later collection.
        guard judging.count <= RetentionPlan.longestChain else { return nil }
        let subject = try facts.digest(of: name).flatMap { digest in
            try facts.node(ManifestPlace(registry: "", repository: repository, digest: digest))
        }
        guard let subject else {
            // It may be on its way, for as long as what is uploaded waits for its manifest.
            return tag.updatedAt > times.now - times.leaseTime
                ? nil : expired(tag, repository, index, "\(name), which it is named after, is not there")
        }
        if try reachability.chain(from: subject) != nil { return nil }
        return expired(tag, repository, index, "\(name), which it is named after, goes")
    }

    private func expired(_ tag: TagFact, _ repository: String, _ index: Int, _ reason: String) -> ExpiredTag {
        ExpiredTag(
            reference: Reference(repository: repository, tag: tag.tag), manifest: tag.manifest, updatedAt: tag.updatedAt, rule: index,
            reason: reason, seq: tag.seq)
    }
}

extension RetentionRule {
    /// Whether a tag's name or age keeps it.
    fileprivate func keeps(_ tag: TagFact, now: Int) -> Bool { keeps(named: tag.tag) || keeps(putAt: tag.updatedAt, now: now) }

    /// Why a tag goes that none of its conditions keeps.
    fileprivate var words: String {
        let kept = [
            keepLast.map { "not among the \($0) put last" }, keepNewer.map { "put more than \(TimeSpan.text($0)) ago" },
            keepTags.isEmpty ? nil : "not like \(keepTags.joined(separator: ", "))",
        ]
        return kept.compactMap { $0 }.joined(separator: ", ")
    }
}
