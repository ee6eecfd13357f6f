import RxHTTP
import RxModel
import RxStore

/// Fetches files of one resource from its registry, without the rest.
struct RemoteFiles {
    let client: Client
    /// The host that it is from, its repository, and the tag that it was asked for by.
    let reference: Reference
    /// The digest of its manifest.
    let manifest: Digest

    /// Fetches files, and calls `keep` when they are here and only leases keep them. Of a resource whose files cannot be had one by one, as in
    /// packed form, all come. Gives how many bytes came.
    func fetch(_ files: [ResourceFile], keep: ([ResourceFile]) throws -> Void) throws -> Int {
        let registry = try client.registry(forHost: reference.registry)
        let operation = try client.store.begin()
        defer { operation.cancel() }
        let present = try operation.leaseOrSalvage(Dictionary(files.map { ($0.digest, $0.size) }) { first, _ in first })
        let absent = files.filter { !present.contains($0.digest) }
        let meter = TransferMeter(client.wire)
        do {
            try stage(absent, from: registry, into: operation, meter)
        } catch let error as RegistryError where error.code == .blobUnknown || error.code == .unsupported {
            operation.cancel()
            return try fetchAll(from: registry, meter, error, keep)
        }
        try operation.publish()
        try keep(files)
        return absent.reduce(0) { $0 + $1.size }
    }

    private func stage(
        _ files: [ResourceFile], from registry: RegistryURL, into operation: any StoreOperation, _ meter: TransferMeter
    ) throws {
        guard !files.isEmpty else { return }
        let isPortable = DistributionClient.isPortable(reference.repository)
        // What `/v2/` can name every registry gives through it; for anything else there must be rx's own calls.
        if !isPortable { _ = try client.face(of: registry, for: reference.repository) }
        let origin = RemoteOrigin(
            client: client.distribution(registry), repository: reference.repository, calls: client.transferCalls(registry))
        guard isPortable || origin.hasStreams else {
            throw RegistryError("\(registry) gives single files of lower-case repositories alone", code: .unsupported)
        }
        let blobs = files.map { file in
            FreightItem(position: 0, digest: file.digest, size: file.size, title: file.path.text).descriptor
        }
        defer { client.progress.end() }
        try ArtifactFetcher(progress: client.progress, meter: meter).fetch(blobs, from: origin, streamsSingle: !isPortable, into: operation)
    }

    /// Brings all of it, so that it is here as a whole where its tag still means it. A tag that has moved since it was bound stays where it is.
    private func fetchAll(
        from registry: RegistryURL, _ meter: TransferMeter, _ refusal: RegistryError, _ keep: ([ResourceFile]) throws -> Void
    ) throws -> Int {
        let locator = reference.locator.pinned(to: manifest)
        do {
            return try client.ask(registry) { api in
                let answer = try api.describe(locator, unless: nil)
                guard let info = answer.info, let resource = try info.resource(locator, registry, manifest: answer.manifest)?.manifest
                else {
                    return try unpack(locator, at: registry, meter, refusal, keep)
                }
                try client.bring(resource, manifest, locator, registry, answer.hasTransfers, meter) {
                    try settle(resource.files, $0, keep)
                }
                return resource.size
            } distribution: { _ in
                try unpack(locator, at: registry, meter, refusal, keep)
            }
        } catch let error as RegistryError where error.code == .resourceNotFound || error.code == .manifestUnknown {
            throw RegistryError(refusal.message, code: refusal.code, hint: "\(locator) is no longer there", cause: refusal)
        }
    }

    /// Brings all files of a resource in packed form; of another the registry has just refused what was asked for.
    private func unpack(
        _ locator: Locator, at registry: RegistryURL, _ meter: TransferMeter, _ refusal: RegistryError,
        _ keep: ([ResourceFile]) throws -> Void
    ) throws -> Int {
        let (_, kind, origin) = try client.artifact(locator, at: registry)
        guard case .packed(let packed) = kind, packed.manifest == manifest else { throw refusal }
        let operation = try client.store.begin()
        defer {
            operation.cancel()
            client.progress.end()
        }
        let resource = try ArtifactFetcher(progress: client.progress, meter: meter).unpack(packed, from: origin, into: operation)
        try settle(resource.files, operation, keep)
        return resource.size
    }

    /// Has the copy keep all its files, and makes it a whole one while its tag means it.
    private func settle(_ files: [ResourceFile], _ operation: any StoreOperation, _ keep: ([ResourceFile]) throws -> Void) throws {
        try operation.publish()
        try keep(files)
        let named = try client.store.partialCopy(
            registry: reference.registry, repository: reference.repository, selector: .tag(reference.tag))
        guard let named, named.place.digest == manifest else { return }
        let artifact = try Artifact(parsing: named.bytes, mediaType: MediaType.imageManifest, repository: reference.repository)
        _ = try operation.stage(BytesSource(ResourceManifest.emptyConfig), expecting: ResourceManifest.emptyConfigDigest)
        _ = try operation.commit([artifact], as: reference, names: [:])
    }
}

extension Client {
    /// Keeps the cache small when so much has come that it may have become too large. A failure is nobody's: the next look tries again.
    func pruneAfterFetch(of bytes: Int, for place: ManifestPlace) {
        guard bytes > 0, let limit = try? configuration.cacheSize else { return }
        partialTraffic.look(after: bytes, limit: limit) { _ = pruneAfterPull(of: place) }
    }
}
