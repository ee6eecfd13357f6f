package import RxModel
package import RxPosix
import Synchronization

/// The threads for work that blocks: a few for what looks something up, and those that unpack and build, which may be busy for
/// minutes. Neither waits for the other.
package final class Workers: Sendable {
    /// For reading and changing the catalog.
    package let quick: WorkerPool
    /// For unpacking what is published and building what is downloaded. Their number bounds how much memory such work takes.
    package let long: WorkerPool
    /// For streams that are received or sent: each has a thread of its own.
    package let transfers: Transfers
    private let cancelled = Atomic<Bool>(false)
    private let turn = Mutex(())

    private static let quickThreads = 2
    /// A manifest is held in about ten times its bytes while it is read: one longer than this is read `alone`.
    static let largeManifest = 1 << 20

    /// Has up to `long` threads for long work, each from when it is needed; `transfers` streams may run at a time.
    package init(long count: Int, transfers: Int = 16) {
        self.transfers = Transfers(limit: transfers)
        quick = WorkerPool(count: Workers.quickThreads)
        long = WorkerPool(count: count)
    }

    /// Why work is not done any more.
    package static let stopping = RegistryError("the server is stopping", code: .overloaded, hint: "try again in a moment")

    /// Ends the work that is under way or waits, as soon as it checks.
    package func cancel() {
        cancelled.store(true, ordering: .relaxed)
        transfers.cancel()
    }

    /// Throws `stopping` once the work was cancelled.
    package func check() throws(RegistryError) { if cancelled.load(ordering: .relaxed) { throw Workers.stopping } }

    /// Runs work that takes much memory: alone of its kind, and what it took is given back afterwards.
    func alone<Value>(_ work: () throws -> Value) throws -> Value {
        try turn.withLock { _ in
            defer { Host.trimHeap() }
            try check()
            return try work()
        }
    }

    /// Takes no more work, waits for what was handed over, and ends the threads.
    package func close() {
        // Quick work hands on long work, never the other way round.
        quick.close()
        long.close()
        transfers.close()
    }
}

/// Reads on until the work is cancelled.
final class CancellableSource: ByteSource {
    private let source: any ByteSource
    private let workers: Workers

    init(_ source: any ByteSource, _ workers: Workers) {
        self.source = source
        self.workers = workers
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try workers.check()
        return try source.read(into: buffer)
    }
}

/// Writes on until the work is cancelled.
final class CancellableSink: ByteSink {
    private let sink: any ByteSink
    private let workers: Workers

    init(_ sink: any ByteSink, _ workers: Workers) {
        self.sink = sink
        self.workers = workers
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try workers.check()
        try sink.write(bytes)
    }
}
