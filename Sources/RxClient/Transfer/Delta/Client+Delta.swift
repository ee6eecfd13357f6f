import RxHTTP

extension Client {
    /// Moves large blobs to and from an rx registry by what differs.
    func deltas(_ registry: RegistryURL) -> DeltaTransfer { DeltaTransfer(distribution(registry), store: store, home: home) }
}
