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
    private let thread: Background<Void>

    init(_ operation: any StoreOperation) {
        let state = Monitor(State())
        self.state = state
        thread = Background { PublishingThread.work(state, operation) }
    }

    // The thread is waited for when it is let go of.
    deinit { end() }

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

    /// Starts no further portion: what was staged after the one that is under way is the commit's.
    func end() { state.update { $0.ended = true } }

    /// Waits, after `end`, for the portion that is under way. Throws what went wrong.
    func wait() throws {
        thread.value
        if let failure = state.update({ $0.failure }) { throw failure }
    }

    private static func work(_ state: Monitor<State>, _ operation: any StoreOperation) {
        var done = 0
        while true {
            let (wanted, ended) = state.wait { state in state.ended || state.wanted > done ? (state.wanted, state.ended) : nil }!
            guard !ended else { return }
            do { try operation.publish() } catch { return state.update { $0.failure = error } }
            done = wanted
        }
    }
}
