/// A fixed number of threads that run jobs in the order they come.
public final class WorkerPool: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var head = 0
        var closed = false
    }

    private let state = Monitor(State())
    private let threads: [Thread]

    /// Starts `count` threads.
    public init(count: Int) {
        let state = state
        threads = (0..<count).map { _ in Thread { WorkerPool.work(state) } }
    }

    /// Hands over a job; it runs on one of the threads. Gives false, and does not run it, after `close`.
    @discardableResult
    public func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        state.updateForOne { state in
            guard !state.closed else { return false }
            state.jobs.append(job)
            return true
        }
    }

    /// Lets the jobs that were handed over finish, then ends the threads.
    public func close() {
        state.update { $0.closed = true }
        for thread in threads { thread.join() }
    }

    private static func work(_ state: Monitor<State>) {
        while let job = state.wait(until: next) ?? nil { job() }
    }

    /// The next job; nil inside when the pool is closed and empty; nil outside to go on waiting.
    private static func next(_ state: inout State) -> (@Sendable () -> Void)?? {
        guard state.head < state.jobs.count else { return state.closed ? .some(nil) : nil }
        let job = state.jobs[state.head]
        state.head += 1
        if state.head == state.jobs.count {
            state.jobs.removeAll(keepingCapacity: true)
            state.head = 0
        }
        return job
    }

    /// Runs `body` for each index on up to `count` threads and waits; throws the first error after all have stopped.
    public static func forEach(_ indices: Range<Int>, threads count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        struct Progress {
            var next: Int
            var failure: (any Error)?
        }
        guard count > 1, indices.count > 1 else {
            for index in indices { try body(index) }
            return
        }
        let progress = Monitor(Progress(next: indices.lowerBound))
        let threads = (0..<min(count, indices.count)).map { _ in
            Thread {
                while let index = progress.update({ progress -> Int? in
                    guard progress.failure == nil, progress.next < indices.upperBound else { return nil }
                    defer { progress.next += 1 }
                    return progress.next
                }) {
                    do { try body(index) } catch { progress.update { if $0.failure == nil { $0.failure = error } } }
                }
            }
        }
        for thread in threads { thread.join() }
        if let failure = progress.update({ $0.failure }) { throw failure }
    }
}
