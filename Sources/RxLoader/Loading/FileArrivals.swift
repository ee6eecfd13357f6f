import RxModel
import Synchronization

/// Brings the files of a bound resource that are not here, each once, however many wait for it; who waits holds no thread.
/// Source: Specs/15-loader, LOD-062.
final class FileArrivals: Sendable {
    private let stored: StoredResource
    private let network: BlockingWork
    private let arriving = Mutex<[Digest: Task<Void, any Error>]>([:])

    init(_ stored: StoredResource, network: BlockingWork) {
        self.stored = stored
        self.network = network
    }

    /// Returns when a file is here. Throws a `ResourceError` when it cannot be had.
    func bring(_ file: ResourceFile) async throws {
        guard !stored.isHere(file) else { return }
        let arrival = arriving.withLock { arriving in
            if let arrival = arriving[file.digest] { return arrival }
            let arrival = Task { [self] in
                defer { self.arriving.withLock { $0[file.digest] = nil } }
                try await network.run { [stored] in try stored.fetch([file]) }
            }
            arriving[file.digest] = arrival
            return arrival
        }
        try await arrival.value
    }
}
