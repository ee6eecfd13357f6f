import RxHTTP
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Sends artifacts to a repository of a registry: only blobs that it lacks, several at once, then the manifests.
struct ArtifactSender {
    /// How many blobs are sent at once.
    static let connections = 8

    let client: DistributionClient
    let repository: String
    let progress: any Progress
    /// How large blobs are sent by what differs; nil for a registry without such calls, and for blobs of another one.
    var deltas: DeltaTransfer?

    /// What was done.
    struct Outcome: Sendable {
        /// The blobs that were looked at.
        var blobs = 0
        /// The manifests that were put.
        var manifests = 0
    }

    /// Sends an artifact and what belongs to it; the tag is put last of what it names, so that nobody sees half of it. A manifest that
    /// is there has all its blobs, and none of them is asked for.
    @discardableResult
    func send(_ set: ArtifactSet, from origin: some ArtifactOrigin, as name: ArtifactName) throws -> Outcome {
        var outcome = Outcome()
        if case .tag(let tag) = name, tag != Locator.latest, set.all.count == 1,
            try client.head(repository, name) == set.root.stored.digest
        {
            return outcome
        }
        let absent = try set.all.filter { try client.head(repository, .digest(.sha256($0.stored.digest))) == nil }
        let blobs = absent.blobs
        outcome.blobs = blobs.count
        progress.begin("sending", total: blobs.totalSize)
        defer { progress.end() }
        try WorkerPool.forEach(0..<blobs.count, threads: ArtifactSender.connections) { try send(blobs[$0], from: origin) }
        let digests = Set(absent.map(\.stored.digest))
        for each in set.all {
            let isRoot = each.stored.digest == set.root.stored.digest
            var tag: String?
            if isRoot, case .tag(let text) = name { tag = text }
            guard tag != nil || digests.contains(each.stored.digest) else { continue }
            try client.put(each.stored, in: repository, tag: tag)
            outcome.manifests += 1
        }
        return outcome
    }

    private func send(_ blob: Descriptor, from origin: some ArtifactOrigin) throws {
        // A registry that is asked to mount a blob also finds it where it is to go.
        let source = origin.mountable(at: client.registry.authority)
        if source == nil || source == repository, try client.holds(blob, in: repository) {
            progress.advance(blob.size)
            return
        }
        if source == nil, let deltas, deltas.push(blob, to: repository) {
            progress.advance(blob.size)
            return
        }
        try client.push(blob, to: repository, mountFrom: source == repository ? nil : source) {
            try blob.inlined.map { BytesSource($0) } ?? origin.open(blob)
        }
    }
}
