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

    /// Fetches files, and calls `keep` when they are here and only leases keep them. A resource whose files cannot be had one by one, as in
    /// packed form, comes as a whole.
    func fetch(_ files: [ResourceFile], keep: ([ResourceFile]) throws -> Void) throws {
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
            return try fetchWhole(from: registry, meter, error)
        }
        try operation.publish()
        try keep(files)
        client.pruneAfterFetch(of: absent, for: ManifestPlace(reference, manifest))
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

    /// Brings all of it, so that it is here as a whole.
    private func fetchWhole(from registry: RegistryURL, _ meter: TransferMeter, _ refusal: RegistryError) throws {
        let locator = reference.locator.pinned(to: manifest)
        do { _ = try client.fetch(locator, registry, meter, nil) } catch let error as RegistryError
            where error.code == .resourceNotFound || error.code == .manifestUnknown
        {
            throw RegistryError(refusal.message, code: refusal.code, hint: "\(locator) is no longer there", cause: refusal)
        }
    }
}

extension ManifestPlace {
    /// A manifest in the repository of a reference.
    init(_ reference: Reference, _ digest: Digest) {
        self.init(registry: reference.registry, repository: reference.repository, digest: digest)
    }
}

extension Client {
    /// Keeps the cache small when so much has come that it may have become too large. A failure is nobody's: the next look tries again.
    func pruneAfterFetch(of files: [ResourceFile], for place: ManifestPlace) {
        let bytes = files.reduce(0) { $0 + $1.size }
        guard let limit = try? configuration.cacheSize, partialTraffic.isLookDue(after: bytes, limit: limit) else { return }
        _ = pruneAfterPull(of: place)
    }
}
