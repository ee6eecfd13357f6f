import RxHTTP
import RxModel
import RxStore

extension Client {
    /// Moves large blobs to and from an rx registry by what differs; nil for a registry without such calls.
    func deltas(_ registry: RegistryURL) -> DeltaTransfer? {
        faces.face(of: registry) == .rx ? DeltaTransfer(distribution(registry), store: store, home: home) : nil
    }

    /// Whether a resource is moved blob by blob: its large files, for which chunks may pay, are most of it, and it has few others.
    func movesByBlobs(_ manifest: ResourceManifest) -> Bool {
        let large = manifest.files.filter { DeltaChoice.mayPay(size: $0.size, title: $0.path.text) }
        return manifest.files.count <= 64 && large.reduce(0) { $0 + $1.size } >= manifest.size / 2 && !large.isEmpty
            && DistributionClient.isPortable(manifest.definition.locator.repository)
    }

    /// Stages the files of a resource that are not here, each alone.
    func stage(
        _ manifest: ResourceManifest, except present: Set<Digest>, from repository: String, _ registry: RegistryURL,
        into operation: any StoreOperation
    ) throws {
        let origin = RemoteOrigin(client: distribution(registry), repository: repository)
        let deltas = deltas(registry)
        var staged = present
        for file in manifest.files where staged.insert(file.digest).inserted {
            let blob = Descriptor(
                mediaType: "application/octet-stream", digest: .sha256(file.digest), size: file.size,
                annotations: [Annotation.title: file.path.text])
            if let deltas, deltas.fetch(blob, from: repository, like: [], into: operation) {
                progress.advance(file.size)
            } else {
                _ = try operation.stage(origin.open(blob), expecting: file.digest)
            }
        }
    }
}
