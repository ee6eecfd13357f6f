/// Threads that run jobs in the order they come; each is started when there is a job for it.
public final class WorkerPool: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var head = 0
        var closed = false
        var threads: [Thread] = []
        /// How many of them have no job.
        var idle = 0
    }

    private let state = Monitor(State())
    private let count: Int

    /// Runs as many jobs at a time as `count` says.
    public init(count: Int) { self.count = count }

    /// Hands over a job; it runs on one of the threads. Gives false, and does not run it, after `close`.
    @discardableResult
    public func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        state.updateForOne { state in
            guard !state.closed else { return false }
            state.jobs.append(job)
            if state.idle < state.jobs.count - state.head, state.threads.count < count {
                state.threads.append(Thread { [monitor = self.state] in WorkerPool.work(monitor) })
                state.idle += 1
            }
            return true
        }
    }

    /// Lets the jobs that were handed over finish, then ends the threads.
    public func close() {
        let threads = state.update { state in
            state.closed = true
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.join() }
    }

    private static func work(_ state: Monitor<State>) {
        var isDone = false
        func next(_ state: inout State) -> (@Sendable () -> Void)?? {
            if isDone { state.idle += 1 }
            isDone = false
            return WorkerPool.next(&state)
        }
        while let job = state.wait(until: next) ?? nil {
            job()
            isDone = true
        }
    }

    /// The next job; nil inside when the pool is closed and empty; nil outside to go on waiting.
    private static func next(_ state: inout State) -> (@Sendable () -> Void)?? {
        guard state.head < state.jobs.count else { return state.closed ? .some(nil) : nil }
        let job = state.jobs[state.head]
        state.idle -= 1
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
