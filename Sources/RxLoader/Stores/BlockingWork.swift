import RxPosix

/// Threads for what blocks: files, the store, the network. None of it runs on the threads that Swift's tasks share.
public final class BlockingWork: Sendable {
    /// For files and the store.
    public static let disk = BlockingWork(threads: 4)
    /// For the network: who waits for a registry keeps nobody from the disk.
    public static let network = BlockingWork(threads: 8)

    private let pool: WorkerPool

    /// Starts `threads` threads; they live as long as the process.
    public init(threads: Int) { pool = WorkerPool(count: threads) }

    /// Runs `body` on one of the threads, in the order of the calls. Throws what it throws.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = pool.submit { continuation.resume(with: Result { try body() }) }
            precondition(isTaken, "the threads are never closed")
        }
    }
}
