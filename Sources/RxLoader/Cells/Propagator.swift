import Synchronization

/// Recomputes when one of the cells that it looks at changes. Source: Specs/15-loader, LOD-022.
///
/// One recomputation runs at a time. What changes meanwhile has it run once more, so that the last one has seen the last change,
/// however many changes there were. It ends with its release.
public final class Propagator: Sendable {
    private struct State {
        var running: Task<Void, Never>?
        var isDirty = false
        var observations: [Observation] = []
    }

    private let state = Mutex(State())
    private let recompute: @Sendable () async -> Void

    /// Runs `recompute` after each change of `cells`.
    public init(_ cells: any Observable..., recompute: @escaping @Sendable () async -> Void) {
        self.recompute = recompute
        let observations = cells.map { cell in cell.observe { [weak self] in self?.run() } }
        state.withLock { $0.observations = observations }
    }

    /// Keeps in `target` what `compute` makes of two cells, once both have a value and after each of their changes. What it makes is
    /// merged, so nothing that was once known is lost.
    public convenience init<A: Mergeable, B: Mergeable, Result: Mergeable>(
        _ a: Cell<A>, _ b: Cell<B>, into target: Cell<Result>, _ compute: @escaping @Sendable (A, B) -> Result?
    ) {
        self.init(a, b) {
            if let a = a.value, let b = b.value, let result = compute(a, b) { target.put(result) }
        }
        run()
    }

    /// The same for one cell.
    public convenience init<A: Mergeable, Result: Mergeable>(
        _ a: Cell<A>, into target: Cell<Result>, _ compute: @escaping @Sendable (A) -> Result?
    ) {
        self.init(a) {
            if let a = a.value, let result = compute(a) { target.put(result) }
        }
        run()
    }

    /// Recomputes now, or once more after the recomputation that is running.
    public func run() {
        state.withLock { state in
            state.isDirty = true
            guard state.running == nil else { return }
            state.running = Task { [weak self] in
                while let recompute = self?.next() { await recompute() }
            }
        }
    }

    /// Waits until every change so far has been seen.
    public func settled() async {
        while let task = state.withLock({ $0.running }) { await task.value }
    }

    /// What is to be run; nil when nothing has changed since the last time.
    private func next() -> (@Sendable () async -> Void)? {
        state.withLock { state in
            guard state.isDirty else {
                state.running = nil
                return nil
            }
            state.isDirty = false
            return recompute
        }
    }
}
