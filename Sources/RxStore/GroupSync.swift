import RxPosix

/// Makes things durable for many threads at once: who comes while a sync runs waits for the next one, which one of them makes for all.
/// A file system writes its journal once for all that is synced together.
final class GroupSync<Item: Sendable>: Sendable {
    private struct State {
        var pending: [Item] = []
        /// The number of the batch that is pending.
        var batch = 0
        /// The number of the last batch that is over.
        var done = -1
        var isRunning = false
        var failures: [Int: any Error] = [:]
    }

    private enum Turn {
        case over((any Error)?)
        case lead([Item])
    }

    private let sync: @Sendable ([Item]) throws -> Void
    private let state = Monitor(State())

    /// Syncs with `sync`, which is called by one thread at a time.
    init(_ sync: @escaping @Sendable ([Item]) throws -> Void) { self.sync = sync }

    /// Returns when `item` is durable. What fails for one of a batch fails for all of it: nobody knows what was lost.
    func wait(for item: Item) throws {
        let own = state.updateQuietly { state in
            state.pending.append(item)
            return state.batch
        }
        let turn = state.wait { state -> Turn? in
            if state.done >= own { return .over(state.failures[own]) }
            if state.isRunning { return nil }
            state.isRunning = true
            state.batch += 1
            defer { state.pending = [] }
            return .lead(state.pending)
        }
        switch turn {
        case .over(let failure?): throw failure
        case .over(nil), nil: return
        case .lead(let items):
            let result = Result { try sync(items) }
            state.update { state in
                state.isRunning = false
                state.done = own
                if case .failure(let error) = result {
                    // Whoever waited for an older batch has long been told.
                    state.failures = state.failures.filter { $0.key > own - 64 }
                    state.failures[own] = error
                }
            }
            try result.get()
        }
    }
}
