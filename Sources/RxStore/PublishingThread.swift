import RxPosix
import Synchronization

/// Puts what was staged into place, on a thread of its own, while more is staged: who commits or answers then has little left to put.
package final class PublishingThread: Sendable {
    private struct State {
        var wanted = 0
        var done = 0
        var ended = false
        var failure: (any Error)?

        /// What the thread does next; nil while there is nothing to do.
        var next: Step? {
            if ended { return .end }
            return wanted > done ? .publish(upTo: wanted) : nil
        }
    }

    private enum Step {
        case publish(upTo: Int)
        case end
    }

    /// How much is staged between one start and the next, in bytes; a file counts as `fileCost` more than its length.
    private static let portion = 12 << 20
    private static let fileCost = 4 << 10

    private let staged = Atomic<Int>(0)
    private let state: Monitor<State>
    private let thread: Background<Void>

    /// Puts what is staged in `batch`, which nobody else publishes before `wait` has returned.
    package init(_ batch: any BlobBatch) {
        let state = Monitor(State())
        self.state = state
        thread = Background { PublishingThread.work(state, batch) }
    }

    // The thread is waited for when it is let go of.
    deinit { end() }

    /// Counts a staged file of `size` bytes. Throws what went wrong with those before it.
    package func add(_ size: Int) throws {
        let cost = size + PublishingThread.fileCost
        let sum = staged.wrappingAdd(cost, ordering: .relaxed).newValue
        guard sum / PublishingThread.portion != (sum - cost) / PublishingThread.portion else { return }
        try begin()
    }

    /// Starts a portion now. Throws what went wrong with those before it.
    package func begin() throws {
        try state.update { state in
            if let failure = state.failure { throw failure }
            state.wanted += 1
        }
    }

    /// Waits until what was staged before this call is in its place. Throws what went wrong.
    package func catchUp() throws {
        try begin()
        let result = state.wait { state -> Result<Void, any Error>? in
            if let failure = state.failure { return .failure(failure) }
            return state.done == state.wanted ? .success(()) : nil
        }
        try result!.get()
    }

    /// Starts no further portion: what was staged after the one that is under way is for others to publish.
    package func end() { state.update { $0.ended = true } }

    /// Waits, after `end`, for the portion that is under way. Throws what went wrong.
    package func wait() throws {
        thread.value
        if let failure = state.update({ $0.failure }) { throw failure }
    }

    private static func work(_ state: Monitor<State>, _ batch: any BlobBatch) {
        while case .publish(let wanted) = state.wait(until: \.next) {
            do { try batch.publish() } catch { return state.update { $0.failure = error } }
            state.update { $0.done = wanted }
        }
    }
}
