import RxModel
import RxPosix
import RxProtocol
import RxStore

/// Pushes one resource to a registry that has negotiated transfers: does what `PushMachine` decides. Source: Specs/12-transfer, "Client".
struct ResourcePush {
    let calls: TransferCalls
    let large: LargeBlobs
    let store: any Store
    let notes: TransferNotes
    let progress: any Progress
    let meter: TransferMeter
    let record: ResourceRecord
    /// Where it goes, without a registry.
    let target: Locator

    /// Sends what the registry lacks and makes the resource visible there.
    ///
    /// Throws `RegistryError` whose cause is `WithoutTransfers` when the registry does not have these calls; nothing was sent then but at most
    /// one request.
    func run() throws -> PublishReceipt {
        meter.total(blobs: record.fileCount, bytes: record.size)
        let done = PublishReceipt(locator: target, digest: record.tree, manifestDigest: record.manifestDigest)
        let manifest = try Manifest(record, in: store)
        var machine = PushMachine(
            isNoted: notes.manifest(target, at: calls.registry) == record.manifestDigest,
            isSmall: record.size + manifest.bytes.count < TransferWire.smallResource,
            largeAlone: DistributionClient.isPortable(target.repository))
        // What is about to be sent stays here until it is.
        let operation = Held(store)
        defer {
            operation.end()
            progress.end()
        }
        var patience = calls.patience
        var action = machine.start()
        while action != .done {
            let before = meter.report.wireBytes
            do { action = try step(action, &machine, manifest, operation, &patience) } catch let error as GivenUp {
                throw named(error.error, manifest)
            } catch {
                if action.sendsBlobs, meter.report.wireBytes > before { patience.moved() }
                guard let pause = patience.pauseOrBusy(after: error) else { throw named(error, manifest) }
                Patience.wait(pause)
                action = machine.lost()
            }
        }
        notes.note(record.manifestDigest, as: target, at: calls.registry)
        return done
    }

    private func step(
        _ action: PushMachine.Action, _ machine: inout PushMachine, _ manifest: Manifest, _ operation: Held, _ patience: inout Patience
    ) throws -> PushMachine.Action {
        let outlet = BlobOutlet(store: store, progress: progress)
        switch action {
        case .done: return .done
        case .sendAll:
            let items = try manifest.items
            try operation.hold(record)
            progress.begin("pushing", total: items.totalSize, files: items.count)
            let body = try outlet.bytes(items, manifest: (record.manifestDigest, manifest.bytes))
            return try commit(TransferCalls.stream(body), sending: items, after: action, &machine, manifest, &patience)
        case .ask(let withManifest):
            guard withManifest else { return try commit(.none, sending: [], after: action, &machine, manifest, &patience) }
            // While the registry looks, what the manifest names is read here.
            manifest.parseAside()
            let body = try outlet.bytes([], manifest: (record.manifestDigest, manifest.bytes))
            return try commit(TransferCalls.stream(body), sending: [], after: action, &machine, manifest, &patience)
        case .finish(let items):
            try operation.hold(record)
            progress.begin("pushing", total: items.totalSize, files: items.count)
            // A stream of a few bytes is made at once: it can then be sent again when the registry wants to know who sends it.
            let body =
                items.totalSize < TransferWire.smallResource
                ? TransferCalls.stream(try outlet.bytes(items, manifest: nil)) : TransferCalls.stream(outlet.stream(items))
            return try commit(body, sending: items, after: action, &machine, manifest, &patience)
        case .move(let freight):
            let all = freight.large + freight.streams.joined()
            try operation.hold(record)
            progress.begin("pushing", total: all.totalSize, files: all.count)
            try move(freight, outlet)
            return machine.moved()
        }
    }

    private func commit(
        _ body: TransportRequest.Body, sending items: [FreightItem], after action: PushMachine.Action, _ machine: inout PushMachine,
        _ manifest: Manifest, _ patience: inout Patience
    ) throws -> PushMachine.Action {
        let answer = try refusing(items) { try calls.commit(record.manifestDigest, as: target, body) }
        switch answer {
        case .done:
            for item in items where item.position > 0 { meter.sent(item.size) }
            return .done
        case .pending(let pending):
            let missing = try manifest.items(at: pending.missing)
            guard !missing.isEmpty else {
                throw RegistryError(
                    "\(calls.registry) says that it lacks blobs which the manifest of \(target) does not name", code: .invalidAnswer,
                    hint: "run the same command again; what arrived is kept")
            }
            if machine.isNearer(missing) { patience.progressed() }
            guard let next = machine.pending(missing) else {
                throw RegistryError(
                    "\(calls.registry) took blobs of \(target) and says that it does not have them, \(pending.missing.count) of them by now",
                    code: .invalidAnswer, hint: "run the same command again; what arrived is kept")
            }
            return next
        case .manifestUnknown:
            guard let next = machine.manifestUnknown(after: action) else {
                throw RegistryError(
                    "\(calls.registry) took the manifest of \(target) and says that it does not have it", code: .invalidAnswer,
                    hint: "run the same command again")
            }
            return next
        }
    }

    /// Moves the streams and, beside them, what travels alone.
    private func move(_ freight: Freight, _ outlet: BlobOutlet) throws {
        let alone = Background<Result<Void, any Error>> { [self] in
            Result {
                try large.client.gate.forEach(0..<freight.large.count) { index in
                    let item = freight.large[index]
                    try refusing([item]) { try large.push(item) { try outlet.open(item) } }
                    meter.sent(item.size)
                }
            }
        }
        let streams = Result {
            try WorkerPool.forEach(0..<freight.streams.count, threads: large.client.gate.lanes) { index in
                let items = freight.streams[index]
                try refusing(items) { try calls.store(TransferCalls.stream(outlet.stream(items)), in: target.repository) }
                for item in items where item.position > 0 { meter.sent(item.size) }
            }
        }
        do { try alone.value.get() } catch { throw GivenUp(error: error) }
        try streams.get()
    }

    /// Says of a blob that is not found that it is lost here, and of which file it is; gives other errors as they are.
    private func named(_ error: any Error, _ manifest: Manifest) -> any Error {
        guard let error = error as? RegistryError, error.code == .blobUnknown,
            let lost = try? manifest.items.first(where: { (try? store.content(of: StagedBlob(digest: $0.digest, size: $0.size))) == nil })
        else { return error }
        let file = lost.title.map { "the file \($0)" } ?? "a part"
        let name = record.reference.locator
        return RegistryError(
            "Blob not found in the local store: \(lost.digest), which is \(file) of \(name)", code: .blobUnknown,
            hint: "it was lost, or was damaged and set aside; pull or add \(name) again, then push it", cause: error)
    }

    /// Runs what sends blobs; when they are refused for their digest, those here are looked at.
    private func refusing<Value>(_ items: [FreightItem], _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as RegistryError where error.code.wire == ErrorCode.digestInvalid.wire {
            try BlobOutlet(store: store, progress: NoProgress()).check(items)
            throw error
        }
    }
}

extension ResourcePush {
    /// What keeps the resource here while it is sent.
    private final class Held {
        private let store: any Store
        private var operation: (any StoreOperation)?

        init(_ store: any Store) { self.store = store }

        /// Throws `RegistryError` "Resource not found" when it is not here any more.
        func hold(_ record: ResourceRecord) throws {
            guard operation == nil else { return }
            let operation = try store.begin()
            self.operation = operation
            try operation.hold(record)
        }

        func end() { operation?.cancel() }
    }

    /// The manifest's bytes, and what they name once that is needed.
    private final class Manifest {
        let bytes: [UInt8]
        private let record: ResourceRecord
        private var read: Background<Result<[FreightItem], any Error>>?

        init(_ record: ResourceRecord, in store: any Store) throws {
            let source = record.reference
            guard
                let stored = try store.artifact(
                    registry: source.registry, repository: source.repository, name: .digest(.sha256(record.manifestDigest)))
            else { throw RegistryError.notFound(source.description) }
            bytes = stored.bytes
            self.record = record
        }

        /// Begins to read what the manifest names on another thread.
        @discardableResult
        func parseAside() -> Background<Result<[FreightItem], any Error>> {
            let reading = read ?? Background { [bytes, record] in Result { try Manifest.parse(bytes, record) } }
            read = reading
            return reading
        }

        /// Every blob that the manifest names.
        var items: [FreightItem] { get throws { try parseAside().value.get() } }

        /// The blobs at these positions, each once.
        func items(at positions: BlobPositions) throws -> [FreightItem] {
            let items = try items
            var wanted: [FreightItem] = []
            var next = 0
            for range in positions.ranges {
                while next < items.count, items[next].position < range.lowerBound { next += 1 }
                while next < items.count, items[next].position <= range.upperBound {
                    wanted.append(items[next])
                    next += 1
                }
            }
            return wanted
        }

        private static func parse(_ bytes: [UInt8], _ record: ResourceRecord) throws -> [FreightItem] {
            if let resource = ResourceManifest.scanned(bytes) { return FreightItem.list(of: resource) }
            let manifest = try ArtifactManifest(parsing: bytes, mediaType: record.mediaType)
            func entry(_ descriptor: Descriptor) throws -> (digest: Digest, size: Int) {
                guard let digest = descriptor.digest.sha256 else {
                    throw ManifestError("the manifest of \(record.reference) names \(descriptor.digest), which is no SHA-256")
                }
                return (digest, descriptor.size)
            }
            return FreightItem.list(
                config: try manifest.config.map(entry),
                layers: try manifest.layers.map { layer in
                    let (digest, size) = try entry(layer)
                    return (digest, size, layer.title)
                })
        }
    }
}

extension Sequence<FreightItem> {
    /// The sum of the sizes.
    var totalSize: Int { reduce(0) { $0 + $1.size } }
}

extension Patience {
    /// The seconds to wait after an error of a call, or after an answer that the registry is busy; nil when it is final.
    mutating func pauseOrBusy(after error: any Error) -> Double? {
        if let busy = (error as? RegistryError)?.cause as? BusyRegistry { return pause(after: busy.head) }
        return pause(after: error)
    }
}
