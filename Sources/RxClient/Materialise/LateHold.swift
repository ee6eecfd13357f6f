import RxModel
import RxPosix
import RxStore
import Synchronization

/// Keeps a resource in the store while it is read, once that takes a while.
///
/// To hold it is to write to the catalog, which costs more than linking thousands of files. Until then a collection may take it away, and
/// whoever reads it finds that out, having changed nothing, and begins again.
final class LateHold: Sendable {
    /// How long a reader does without, in nanoseconds.
    static let patience = 500_000_000

    private let record: ResourceRecord
    private let store: any Store
    private let startedAt: Int
    private let patience: Int
    private let operation = Mutex<(any StoreOperation)?>(nil)

    /// Keeps `record` in `store` from `patience` nanoseconds on.
    init(_ record: ResourceRecord, in store: any Store, patience: Int = LateHold.patience) {
        self.record = record
        self.store = store
        self.patience = patience
        startedAt = Clock.monotonic
    }

    /// Says that the resource is still being read. Throws `RegistryError` when it is gone.
    func isNeeded() throws {
        guard Clock.monotonic - startedAt >= patience else { return }
        try operation.withLock { operation in
            guard operation == nil else { return }
            let new = try store.begin()
            try new.hold(record)
            operation = new
        }
    }

    /// Says that it is no longer read.
    func end() {
        operation.withLock { operation in
            operation?.cancel()
            operation = nil
        }
    }
}
