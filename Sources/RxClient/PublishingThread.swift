import RxPosix
import RxStore
import Synchronization

/// Puts what was staged into place, on a thread of its own, while more is staged: a commit then has little left to put.
final class PublishingThread: Sendable {
    private struct State {
        var wanted = 0
        var ended = false
        var failure: (any Error)?
    }

    /// How much is staged between one start and the next, in bytes; a file counts as `fileCost` more than its length.
    private static let portion = 12 << 20
    private static let fileCost = 4 << 10

    private let staged = Atomic<Int>(0)
    private let state: Monitor<State>
    private let thread: Thread

    init(_ operation: any StoreOperation) {
        let state = Monitor(State())
        self.state = state
        thread = Thread { PublishingThread.work(state, operation) }
    }

    /// Counts a staged file of `size` bytes. Throws what went wrong with those before it.
    func add(_ size: Int) throws {
        let cost = size + PublishingThread.fileCost
        let sum = staged.wrappingAdd(cost, ordering: .relaxed).newValue
        guard sum / PublishingThread.portion != (sum - cost) / PublishingThread.portion else { return }
        try state.update { state in
            if let failure = state.failure { throw failure }
            state.wanted += 1
        }
    }

    /// Waits for the portion that is under way; what was staged after it is the commit's. Throws its failure. Call it once.
    func end() throws {
        state.update { $0.ended = true }
        thread.join()
        if let failure = state.update({ $0.failure }) { throw failure }
    }

    private static func work(_ state: Monitor<State>, _ operation: any StoreOperation) {
        var done = 0
        while true {
            let next = state.wait { state in state.ended || state.wanted > done ? (state.wanted, state.ended) : nil }!
            guard !next.1 else { return }
            do { try operation.publish() } catch { return state.update { $0.failure = error } }
            done = next.0
        }
    }
}
