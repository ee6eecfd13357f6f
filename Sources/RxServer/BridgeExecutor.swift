import RxPosix

/// Runs the tasks that answer requests on threads of its own: a host program that keeps the threads which Swift's tasks share busy does not
/// keep its callers waiting.
final class BridgeExecutor: TaskExecutor {
    /// The one of the process.
    static let shared = BridgeExecutor(threads: max(2, Host.processors))

    private let pool: WorkerPool

    private init(threads: Int) { pool = WorkerPool(count: threads) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isTaken = pool.submit { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        precondition(isTaken, "the threads are never closed")
    }
}
