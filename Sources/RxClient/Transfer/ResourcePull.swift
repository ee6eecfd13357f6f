import RxCrypto
import RxModel
import RxPosix
import RxProtocol
import RxStore

/// Brings the blobs of one resource here from a registry that has negotiated transfers: does what `PullMachine` decides.
/// Source: Specs/12-transfer, "Client".
struct ResourcePull {
    /// Of so many files the tables that are made in passing are worth giving back to the system.
    static let many = 20_000

    let calls: TransferCalls
    let large: LargeBlobs
    let store: any Store
    let progress: any Progress
    let meter: TransferMeter
    /// The repository of the registry, which the manifest belongs to.
    let repository: String
    /// Finds the large contents of an older copy, by path: those that are missing may be like them.
    let previous: @Sendable () -> [FilePath: Digest]
    /// The folder that is to hold the resource, which is filled meanwhile; nil when none is.
    let folder: EarlyFolder?
    /// Whether the registry is so near that to compress what it sends takes longer than to send it.
    let isNear: Bool

    /// Stores a resource that the registry has described, and nothing when it does not come whole; what has come of it is found again by
    /// the next try.
    func run(_ resource: CheckedResource, as reference: Reference) throws -> ResourceRecord {
        try work(resource.manifest, resource.artifact.digest, isCurrent: false) { operation in
            try operation.commit([resource.artifact], as: reference, names: [:])
        }
    }

    /// Fetches what is not here of a resource whose manifest the registry still has, and ends the operation that has all of it by `end`.
    func mend(_ manifest: ResourceManifest, _ digest: Digest, _ end: (any StoreOperation) throws -> Void) throws {
        try work(manifest, digest, isCurrent: true, end)
    }

    private func work<Value>(
        _ manifest: ResourceManifest, _ digest: Digest, isCurrent: Bool, _ end: (any StoreOperation) throws -> Value
    ) throws -> Value {
        let items = FreightItem.list(of: manifest)
        meter.total(blobs: manifest.files.count, bytes: manifest.size)
        // Reading the description took far more than what is kept of it.
        if manifest.files.count > 1000 { Host.trimHeap() }
        let operation = try store.begin()
        defer {
            operation.cancel()
            progress.end()
        }
        var hasMadeRoom = false
        while true {
            do { return try work(manifest, digest, items, isCurrent: isCurrent, operation, end) } catch  where isFullDisk(error) {
                // What is written early is only a help: the store comes first, and looks again what it has.
                guard !hasMadeRoom, folder?.abandon() == true else { throw error }
                hasMadeRoom = true
                try operation.publish()
            }
        }
    }

    private func work<Value>(
        _ manifest: ResourceManifest, _ digest: Digest, _ items: [FreightItem], isCurrent: Bool, _ operation: any StoreOperation,
        _ end: (any StoreOperation) throws -> Value
    ) throws -> Value {
        var machine = PullMachine(isCurrent: isCurrent, largeAlone: DistributionClient.isPortable(repository))
        var patience = calls.patience
        var action = machine.start()
        while true {
            switch action {
            case .look:
                if !isCurrent { folder?.begin(manifest, digest) }
                action = machine.looked(missing: try look(items, operation))
            case .commit, .keep:
                if manifest.files.count > 1000 { Host.trimHeap() }
                return try end(operation)
            case .fetch(let freight):
                progress.begin("pulling", total: freight.bytes, files: freight.count)
                // So did looking what is here: nothing of that is to lie beside what comes.
                if manifest.files.count > ResourcePull.many { Host.trimHeap() }
                let (received, failure) = fetch(freight, manifest, digest, operation)
                if !received.isEmpty { patience.progressed() }
                if let failure {
                    guard let pause = patience.pauseOrBusy(after: failure) else {
                        // What has come is good: the next try finds it.
                        try? operation.publish()
                        throw (failure as? GivenUp)?.error ?? failure
                    }
                    Patience.wait(pause)
                }
                guard let next = machine.received(received, brokeOff: failure != nil) else {
                    throw RegistryError(
                        "\(calls.registry) left out \(freight.count - received.count) of the blobs of \(repository) that it was asked for",
                        code: .invalidAnswer, hint: "run the same command again; what was received whole is kept")
                }
                action = next
            }
        }
    }

    /// Those of the blobs that are not here. The config is the same for every resource, and made here.
    private func look(_ items: [FreightItem], _ operation: any StoreOperation) throws -> [FreightItem] {
        let present = try operation.leaseOrSalvage(Dictionary(items.map { ($0.digest, $0.size) }) { first, _ in first })
        return try items.filter { item in
            guard !present.contains(item.digest) else { return false }
            guard item.digest == ResourceManifest.emptyConfigDigest else { return true }
            _ = try operation.stage(BytesSource(ResourceManifest.emptyConfig), expecting: item.digest)
            return false
        }
    }

    /// Fetches blobs: the streams side by side, and beside them what travels alone. Gives what has been staged, whatever has failed.
    private func fetch(_ freight: Freight, _ manifest: ResourceManifest, _ digest: Digest, _ operation: any StoreOperation) -> (
        [Digest], (any Error)?
    ) {
        let intake = BlobIntake(operation, progress, meter, folder)
        let previous = freight.large.isEmpty ? [:] : previous()
        let paths = previous.isEmpty ? [:] : manifest.pathsByDigest
        let alone = Background<Result<Void, any Error>> { [self] in
            Result {
                try large.client.gate.forEach(0..<freight.large.count) { index in
                    let item = freight.large[index]
                    let alike = (paths[item.digest] ?? []).compactMap { previous[$0] }
                    try large.fetch(item, like: alike, into: operation)
                    intake.note(item.digest, item.size)
                }
            }
        }
        var failure: (any Error)?
        do {
            try WorkerPool.forEach(0..<freight.streams.count, threads: large.client.gate.lanes) { index in
                try receive(freight.streams[index], of: digest, intake, lane: index)
            }
        } catch { failure = error }
        if case .failure(let error) = alone.value { failure = GivenUp(error: error) }
        let (staged, trouble) = intake.finish()
        return (staged, trouble ?? failure)
    }

    private func receive(_ items: [FreightItem], of manifest: Digest, _ intake: BlobIntake, lane: Int) throws {
        let positions = BlobPositions(ascending: items.map(\.position))
        let query = FetchQuery(repository: repository, .positions(positions, manifest: manifest))
        let wanted = Dictionary(items.map { ($0.digest, $0.size) }) { first, _ in first }
        try BytePipe.run { sink in
            try calls.fetch(query, plain: isNear, into: sink)
        } consume: { stream in
            do { try intake.receive(stream, wanted: wanted, lane: lane) } catch let error as ContentError
                where error.code == .invalidContent
            {
                throw ContentError(
                    "\(calls.registry) sent another stream than the blobs of \(repository) that it was asked for: \(error.message)",
                    hint: "run the same command again; what was received whole is kept")
            }
        }
    }
}

/// Whether something failed because a disk, or what somebody may have of it, is full.
func isFullDisk(_ error: any Error) -> Bool { (error as? any ResourceError)?.code == .storageFull }

extension Freight {
    /// The bytes of everything that travels.
    var bytes: Int { large.totalSize + streams.reduce(0) { $0 + $1.totalSize } }
}

extension ResourceManifest {
    /// Where each content is.
    fileprivate var pathsByDigest: [Digest: [FilePath]] { Dictionary(files.map { ($0.digest, [$0.path]) }, uniquingKeysWith: +) }
}
