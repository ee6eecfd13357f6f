import RxHTTP
import RxModel
import RxStore

extension Client {
    /// Moves large blobs to and from an rx registry by what differs; nil for a registry without such calls.
    func deltas(_ registry: RegistryURL) -> DeltaTransfer? {
        faces.face(of: registry) == .rx ? DeltaTransfer(distribution(registry), store: store, home: home) : nil
    }
}
