import RxHTTP
public import RxModel
import RxProtocol
public import RxStore

extension Client {
    /// Finds a resource as a program needs it: a bare locator in the local store, then in each registry in order; one with a host
    /// in its cached copy, checked against that registry unless it is pinned by digest. Fetches what is missing or has moved; uses
    /// the copy when the network fails.
    public func find(_ locator: Locator) throws -> ResourceRecord {
        if locator.registry == nil, let record = try local(locator) { return record }
        let meter = TransferMeter(wire)
        let record: ResourceRecord
        if let host = locator.registry {
            record = try refreshed(locator, try registry(forHost: host), meter)
        } else {
            record = try firstAnswer(locator) { try refreshed(locator, $0, meter) }
        }
        _ = used(record, meter)
        return record
    }

    /// Notes that a copy is used, and keeps the cache small when some of it just came. Whether that can be noted is not its user's concern.
    private func used(_ record: ResourceRecord, _ meter: TransferMeter) -> Pruning? {
        try? store.noteUse(of: record)
        return meter.report.sentBlobs > 0 ? pruneAfterPull(of: record.place) : nil
    }

    /// Fetches a resource: from the registry that is named, else from the one in the locator, else from the first that has it.
    public func pull(_ locator: Locator, from name: String?) throws -> ResourceRecord { try pulling(locator, from: name).record }

    /// What a pull brought.
    public struct Pulling: Sendable {
        /// What is here now.
        public let record: ResourceRecord
        /// What it took.
        public let report: TransferReport
        /// What had to go for it; nil when nothing had to.
        public let pruning: Pruning?
    }

    /// The same as `pull`, with what it took.
    public func pulling(_ locator: Locator, from name: String?) throws -> Pulling { try pulling(locator, from: name, filling: nil) }

    /// The same; a folder may be filled meanwhile.
    func pulling(_ locator: Locator, from name: String?, filling folder: EarlyFolder?) throws -> Pulling {
        let meter = TransferMeter(wire)
        func pulled(_ record: ResourceRecord) -> Pulling { Pulling(record: record, report: meter.report, pruning: used(record, meter)) }
        if let name { return pulled(try fetch(locator, try registry(name), meter, folder)) }
        if let host = locator.registry { return pulled(try fetch(locator, try registry(forHost: host), meter, folder)) }
        guard !registries.isEmpty else { throw Client.noRegistry }
        return pulled(try firstAnswer(locator) { try fetch(locator, $0, meter, folder) })
    }

    /// What the first registry that has a resource answers, asked in order. Throws the error of the first that could not be asked
    /// when no other has it, else that it is nowhere.
    func firstAnswer<Value>(_ locator: Locator, _ ask: (RegistryURL) throws -> Value) throws -> Value {
        var failure: RegistryError?
        for candidate in registries {
            switch candidate {
            case .failure(let error): failure = failure ?? error
            case .success(let registry):
                do { return try ask(registry) } catch let error as RegistryError
                    where [.unreachable, .unauthorized, .denied].contains(error.code)
                {
                    failure = failure ?? error
                } catch let error as RegistryError where error.code == .resourceNotFound {}
            }
        }
        throw try failure ?? notFound(locator)
    }

    /// The copy of a resource, fetched again when the registry's digest is another one.
    private func refreshed(_ locator: Locator, _ registry: RegistryURL, _ meter: TransferMeter) throws -> ResourceRecord {
        let copy = try store.resolve(registry: registry.authority, repository: locator.repository, selector: try Selector(locator))
        if let copy, locator.digest != nil { return copy }
        do {
            return try ask(registry) { client in
                let answer = try client.describe(locator, unless: copy?.ifStill(locator))
                guard let info = answer.info else { return copy! }
                if let copy, copy.manifestDigest == info.manifestDigest, copy.reference.tag == info.locator.tag { return copy }
                return try receive(info, answer, locator, registry, copy: copy, meter)
            } distribution: { _ in
                try pull(locator, through: registry, copy: copy, meter)
            }
        } catch let error as RegistryError where error.code == .unreachable {
            guard let copy else { throw error }
            return copy
        }
    }

    /// Fetches a resource, or what is missing of it here.
    func fetch(_ locator: Locator, _ registry: RegistryURL, _ meter: TransferMeter, _ folder: EarlyFolder?) throws -> ResourceRecord {
        let copy = try store.resolve(registry: registry.authority, repository: locator.repository, selector: try Selector(locator))
        return try ask(registry) { client in
            let answer = try client.describe(locator, unless: copy?.ifStill(locator))
            if let info = answer.info { return try receive(info, answer, locator, registry, copy: nil, meter, folder) }
            do { return try mend(copy!, locator, registry, answer.hasTransfers, meter) } catch let error as RegistryError
                where error.code == .resourceNotFound
            {
                // Others have removed the copy meanwhile: all of it comes.
                let whole = try client.describe(locator, unless: nil)
                guard let info = whole.info else { throw error }
                return try receive(info, whole, locator, registry, copy: nil, meter, folder)
            }
        } distribution: { _ in
            try pull(locator, through: registry, copy: nil, meter)
        }
    }

    /// Stores what the registry described: nothing is transferred when every file is here, and nothing is stored unless name,
    /// files and digest are the ones that were asked for and answered.
    func receive(
        _ info: ResourceInfo, _ answer: RegistryClient.Description, _ asked: Locator, _ registry: RegistryURL, copy: ResourceRecord?,
        _ meter: TransferMeter, _ folder: EarlyFolder? = nil
    ) throws -> ResourceRecord {
        guard let resource = try info.resource(asked, registry, manifest: answer.manifest) else {
            faces.note(.rx, transfers: answer.hasTransfers, for: registry)
            return try pull(info.named(asked), through: registry, copy: copy, meter)
        }
        let reference = Reference(registry: registry.authority, repository: asked.repository, tag: info.locator.tag)
        let pinned = info.locator.pinned(to: info.manifestDigest)
        return try negotiated(asked, registry, answer.hasTransfers, meter, like: reference, folder) { pull in
            try pull.run(resource, as: reference)
        } content: {
            try receiveContent(resource.manifest, pinned, registry, meter) { operation in
                try operation.commit([resource.artifact], as: reference, names: [:])
            }
        }
    }

    /// Fetches what was lost of a copy that is still what the registry has; when nothing was, nothing is asked for.
    private func mend(
        _ copy: ResourceRecord, _ asked: Locator, _ registry: RegistryURL, _ hasTransfers: Bool, _ meter: TransferMeter
    ) throws -> ResourceRecord {
        let reference = copy.reference
        try bring(store.manifest(of: copy), copy.manifestDigest, reference.locator, registry, hasTransfers, meter) { operation in
            try operation.publish()
            // The tag may have gone meanwhile.
            let now = try store.resolve(registry: reference.registry, repository: reference.repository, selector: .tag(reference.tag))
            guard now?.manifestDigest == copy.manifestDigest else { throw RegistryError.notFound(reference.description) }
        }
        return copy
    }

    /// Fetches what is not here of a resource that the registry has under a locator, and ends the operation that has all of it by `end`.
    func bring(
        _ manifest: ResourceManifest, _ digest: Digest, _ asked: Locator, _ registry: RegistryURL, _ hasTransfers: Bool,
        _ meter: TransferMeter, end: (any StoreOperation) throws -> Void
    ) throws {
        try negotiated(asked, registry, hasTransfers, meter, like: nil) { pull in
            try pull.mend(manifest, digest, end)
        } content: {
            try receiveContent(manifest, asked.at(registry: nil).pinned(to: digest), registry, meter, end)
        }
    }

    /// Brings a resource by a negotiated transfer when the registry has these calls, else by its archive. `like` names the copy that is
    /// about to be replaced.
    private func negotiated<Value>(
        _ asked: Locator, _ registry: RegistryURL, _ hasTransfers: Bool, _ meter: TransferMeter, like reference: Reference?,
        _ folder: EarlyFolder? = nil, transfer: (ResourcePull) throws -> Value, content: () throws -> Value
    ) throws -> Value {
        faces.note(.rx, transfers: hasTransfers, for: registry)
        guard hasTransfers else { return try content() }
        let pull = ResourcePull(
            calls: TransferCalls(registry: registry, transport: transport), large: largeBlobs(of: asked.repository, at: registry),
            store: store, progress: progress, meter: meter, repository: asked.repository, previous: previousBlobs(reference),
            folder: folder, isNear: meter.isNear)
        do { return try transfer(pull) } catch let error as RegistryError where error.cause is WithoutTransfers {
            // The header is there and the call is not: something between here and the registry keeps it away.
            faces.note(.rx, transfers: false, for: registry)
            return try content()
        }
    }

    private func receiveContent<Value>(
        _ manifest: ResourceManifest, _ pinned: Locator, _ registry: RegistryURL, _ meter: TransferMeter,
        _ end: (any StoreOperation) throws -> Value
    ) throws -> Value {
        meter.total(blobs: manifest.files.count, bytes: manifest.size)
        let operation = try store.begin()
        defer {
            operation.cancel()
            progress.end()
        }
        let blobs = manifest.blobs
        let present = try operation.leaseOrSalvage(blobs)
        let absent = manifest.files.filter { !present.contains($0.digest) }
        if !absent.isEmpty {
            try remote(registry).content(of: manifest, pinned, into: operation)
            for file in manifest.files { meter.sent(file.size) }
        }
        if !present.contains(ResourceManifest.emptyConfigDigest) {
            _ = try operation.stage(BytesSource(ResourceManifest.emptyConfig), expecting: ResourceManifest.emptyConfigDigest)
        }
        return try end(operation)
    }

    /// The large contents of the copy that is here under a name, by path: what is pulled over it may be like them.
    private func previousBlobs(_ reference: Reference?) -> @Sendable () -> [FilePath: Digest] {
        { [store] in
            guard let reference,
                let copy = try? store.resolve(
                    registry: reference.registry, repository: reference.repository, selector: .tag(reference.tag)),
                let manifest = try? store.manifest(of: copy)
            else { return [:] }
            let large = manifest.files.lazy.filter { $0.size > TransferWire.largeBlob }
            return Dictionary(large.map { ($0.path, $0.digest) }) { first, _ in first }
        }
    }

    /// The calls of negotiated transfers of a registry that is known to have them.
    func transferCalls(_ registry: RegistryURL) -> TransferCalls? {
        guard faces.face(of: registry) == .rx, faces.transfers(of: registry) == true else { return nil }
        return TransferCalls(registry: registry, transport: transport)
    }

    /// Moves the blobs of a repository that travel alone.
    func largeBlobs(of repository: String, at registry: RegistryURL) -> LargeBlobs {
        LargeBlobs(client: distribution(registry), repository: repository, delta: deltas(registry))
    }
}

extension ResourceRecord {
    /// The manifest that a registry need not describe again when it still has it under a locator: that of a resource under the very tag.
    func ifStill(_ locator: Locator) -> Digest? {
        isResource && locator.tag != Locator.latest && reference.tag == locator.tag ? manifestDigest : nil
    }
}

extension Client {
    /// What a registry says of a resource, checked; nothing is fetched. Asks the registry that is named, else the one in the
    /// locator, else each in order.
    public func describe(_ locator: Locator, at name: String?) throws -> (record: ResourceRecord, files: [ResourceFile]) {
        if let name { return try describe(locator, try registry(name)) }
        if let host = locator.registry { return try describe(locator, try registry(forHost: host)) }
        return try firstAnswer(locator) { try describe(locator, $0) }
    }

    func describe(_ locator: Locator, _ registry: RegistryURL) throws -> (record: ResourceRecord, files: [ResourceFile]) {
        try ask(registry) { client in
            let info = try client.info(locator)
            guard let manifest = try info.resource(locator, registry, manifest: nil)?.manifest else {
                faces.note(.rx, for: registry)
                let (record, files) = try describe(info.named(locator), through: registry)
                return (record.dated(info.createdAt, info.updatedAt), files)
            }
            let record = ResourceRecord(
                reference: Reference(registry: registry.authority, repository: locator.repository, tag: info.locator.tag),
                manifestDigest: info.manifestDigest, tree: manifest.tree, size: manifest.size, fileCount: manifest.files.count,
                definition: manifest.definition, createdAt: info.createdAt, updatedAt: info.updatedAt)
            return (record, manifest.files)
        } distribution: { _ in
            try describe(locator, through: registry)
        }
    }
}
