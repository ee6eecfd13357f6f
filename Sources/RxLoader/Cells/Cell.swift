import Synchronization

/// Something that says when it has changed.
public protocol Observable: AnyObject, Sendable {
    /// Calls `changed` after each change, on the thread that made it, until the observation is released. It must return at once.
    func observe(_ changed: @escaping @Sendable () -> Void) -> Observation
}

/// Ends an observation when it is released.
public final class Observation: Sendable {
    private let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) { self.end = end }

    deinit { end() }
}

/// A value that only grows: what is put is merged with what is there. Source: Specs/15-loader, LOD-021.
public final class Cell<Value: Mergeable>: Observable {
    private struct State {
        var value: Value?
        var observers: [Int: @Sendable () -> Void] = [:]
        var next = 0
    }

    private let state: Mutex<State>

    /// Starts with a value, or with nothing.
    public init(_ value: Value? = nil) { state = Mutex(State(value: value)) }

    /// What is known so far; nil before the first put.
    public var value: Value? { state.withLock { $0.value } }

    /// Merges a value, and gives whether that changed anything; if so, whoever observes the cell is told.
    @discardableResult
    public func put(_ value: Value) -> Bool {
        let told = state.withLock { state -> [@Sendable () -> Void]? in
            let merged = state.value.map { $0.merged(with: value) } ?? value
            guard merged != state.value else { return nil }
            state.value = merged
            return Array(state.observers.values)
        }
        // Outside the lock: an observer may look at the cell, or put.
        for changed in told ?? [] { changed() }
        return told != nil
    }

    public func observe(_ changed: @escaping @Sendable () -> Void) -> Observation {
        let number = state.withLock { state in
            defer { state.next += 1 }
            state.observers[state.next] = changed
            return state.next
        }
        return Observation { [weak self] in self?.state.withLock { $0.observers[number] = nil } }
    }
}
