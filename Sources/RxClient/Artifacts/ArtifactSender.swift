import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore

/// Sends artifacts to a repository of a registry: only blobs that it lacks, several at once, then the manifests.
struct ArtifactSender {
    let client: DistributionClient
    let repository: String
    let progress: any Progress
    let meter: TransferMeter
    /// The calls of negotiated transfers, when the registry is known to have them.
    var calls: TransferCalls?

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
        meter.total(blobs: blobs.count, bytes: blobs.totalSize)
        progress.begin("sending", total: blobs.totalSize)
        defer { progress.end() }
        let single = try sendTogether(blobs, from: origin)
        try client.gate.forEach(0..<single.count) { try send(single[$0], from: origin) }
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

    /// Asks once which of the blobs the registry lacks and sends those that are not large in streams, when it takes such. Gives the blobs that
    /// are left to be sent one by one.
    private func sendTogether(_ blobs: [Descriptor], from origin: some ArtifactOrigin) throws -> [Descriptor] {
        let items = blobs.freight
        guard let calls, items.count > 1 else { return blobs }
        do {
            let missing = try calls.missing(items.map { MissingQuery.Blob(digest: $0.digest, size: $0.size) }, in: repository)
            for item in items where !missing.contains(item.digest) { progress.advance(item.size) }
            var handled = Set(items.lazy.map(\.digest)).subtracting(missing)
            if origin.hasStreams {
                let freight = Freight(items.filter { missing.contains($0.digest) })
                try WorkerPool.forEach(0..<freight.streams.count, threads: client.gate.lanes) { index in
                    guard let stream = origin.stream(freight.streams[index]) else { return }
                    try calls.store(TransferCalls.stream(stream), in: repository)
                    for item in freight.streams[index] {
                        meter.sent(item.size)
                        progress.advance(item.size)
                    }
                }
                handled.formUnion(freight.streams.joined().lazy.map(\.digest))
            }
            return blobs.filter { blob in !(blob.digest.sha256.map { handled.contains($0) } ?? false) }
        } catch let error as RegistryError where error.isAboutTheWay {
            return blobs
        }
    }

    private func send(_ blob: Descriptor, from origin: some ArtifactOrigin) throws {
        // A registry that is asked to mount a blob also finds it where it is to go.
        let source = origin.mountable(at: client.registry.authority)
        if source == nil || source == repository, try client.holds(blob, in: repository) {
            progress.advance(blob.size)
            return
        }
        var opened = false
        do {
            try client.push(blob, to: repository, mountFrom: source == repository ? nil : source) {
                opened = true
                return try blob.inlined.map { BytesSource($0) } ?? origin.open(blob)
            }
        } catch let error as RegistryError where error.code.wire == ErrorCode.digestInvalid.wire {
            // The registry is the one who hashes what is sent. Whose fault it is, the bytes here tell.
            try origin.verify(blob)
            throw error
        }
        if opened { meter.sent(blob.size) }
    }
}
