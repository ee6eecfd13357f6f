import RxModel
import RxPosix
import Synchronization

extension MemoryStore {
    public func collect(_ options: CollectionOptions) throws -> CollectionReport {
        let started = Clock.monotonic
        var report = try state.withLock { whole in
            var report = CollectionReport()
            // What a dry run leaves counts as gone.
            var state = whole
            report.expired = try state.expire(options, leaseTime: leaseTime)
            let rule = UntaggedRule(CollectionTimes(options, leaseTime: leaseTime, now: Clock.now))
            let leased = Set(state.leases.values.flatMap { $0.filter { $0.value > rule.leaseEnd }.keys })
            var named: Set<Digest> = []
            var left: [Repository: [Held]] = [:]
            for (repository, list) in state.manifests {
                let live = state.live(repository, rule)
                for held in list {
                    if let keeper = live[held.digest] {
                        report.kept[keyPath: keeper] += 1
                        named.formUnion(held.blobs.compactMap(state.digest))
                        left[repository, default: []].append(held)
                    } else {
                        report.manifests += 1
                        if held.artifact.subject.flatMap(state.digest) != nil { report.referrers += 1 }
                    }
                }
            }
            let idle = state.idlePartials(before: Clock.now - min(leaseTime, options.leaseTime ?? leaseTime))
            report.partialCopies = idle.count
            for place in idle { state.removePartial(place) }
            let kept = state.partial.values.reduce(into: Set<Digest>()) { $0.formUnion($1.kept) }
            for (digest, bytes) in state.blobs {
                if named.contains(digest) {
                    report.kept.named += 1
                } else if kept.contains(digest) {
                    report.kept.partial += 1
                } else if leased.contains(digest) {
                    report.kept.leased += 1
                } else {
                    report.blobs += 1
                    report.bytes += bytes.count
                    if !options.dryRun { state.blobs[digest] = nil }
                }
            }
            if !options.dryRun {
                state.manifests = left
                state.version += 1
                whole = state
            }
            return report
        }
        report.seconds = Double(Clock.monotonic - started) / 1e9
        return report
    }

    /// What keeps manifests without a tag: operations, and the rule for them.
    struct UntaggedRule {
        private let times: CollectionTimes
        var leaseEnd: Int { times.leaseEnd }

        init(_ times: CollectionTimes) { self.times = times }

        func keeps(_ held: Held) -> Bool {
            let isYoung = held.untaggedSince.map { $0 > times.oldest } ?? false
            return switch times.untagged {
            case .all: true
            case .byDigest: held.byDigest || isYoung
            case .younger: isYoung
            }
        }
    }
}

extension MemoryStore.State {
    /// The manifests of a repository that a collection leaves, and what they are counted under.
    func live(_ repository: MemoryStore.Repository, _ rule: MemoryStore.UntaggedRule)
        -> [Digest: WritableKeyPath<CollectionReport.Kept, Int>]
    {
        let list = manifests[repository] ?? []
        let held = Set(holds.values.flatMap { $0.filter { $0.value > rule.leaseEnd }.keys })
        var live: [Digest: WritableKeyPath<CollectionReport.Kept, Int>] = [:]
        for (reference, tag) in tags where reference.registry == repository.registry && reference.repository == repository.name {
            live[tag.manifest] = \.tagged
        }
        for each in list where live[each.digest] == nil {
            if pins[repository.place(each.digest)] != nil {
                live[each.digest] = \.pinned
            } else if held.contains(each.digest) {
                live[each.digest] = \.held
            } else if rule.keeps(each) {
                live[each.digest] = \.untagged
            }
        }
        while true {
            let before = live.count
            for each in list where live[each.digest] == nil {
                if let keeper = keeper(of: each, in: list, live) { live[each.digest] = keeper }
            }
            if live.count == before { break }
        }
        for each in list {
            guard let own = live[each.digest], own != \.tagged, own != \.pinned else { continue }
            live[each.digest] = keeper(of: each, in: list, live) ?? own
        }
        return live
    }

    /// Whether an index that lives lists a manifest, or its subject lives.
    private func keeper(
        of held: MemoryStore.Held, in list: [MemoryStore.Held], _ live: [Digest: WritableKeyPath<CollectionReport.Kept, Int>]
    ) -> WritableKeyPath<CollectionReport.Kept, Int>? {
        let isListed = list.contains { other in
            live[other.digest] != nil && other.artifact.manifests.keys.contains { digest(of: $0) == held.digest }
        }
        if isListed { return \.listed }
        return held.artifact.subject.flatMap(digest).flatMap { live[$0] } == nil ? nil : \.referrers
    }
}
