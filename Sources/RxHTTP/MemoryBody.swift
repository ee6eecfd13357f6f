import Synchronization

/// Bytes at one place in memory, which many responses send from without copying them.
public final class MemoryBody: Sendable {
    /// Valid as long as this object lives, and never changed.
    public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    private let budget: MemoryBudget
    private let taken: Int

    /// Takes up to `count` bytes that `fill` writes into the memory and tells the number of; nil when the budget has no room for them.
    public init?(count: Int, from budget: MemoryBudget, fill: (UnsafeMutableRawBufferPointer) -> Int) {
        guard budget.take(count) else { return nil }
        self.budget = budget
        taken = count
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        bytes = UnsafeRawBufferPointer(rebasing: memory[..<fill(memory)])
    }

    deinit {
        bytes.deallocate()
        budget.give(taken)
    }
}

/// How many bytes may be held in memory at a time, also by responses to clients that read slowly.
public final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    /// Allows for `limit` bytes.
    public init(limit: Int) { self.limit = limit }

    fileprivate func take(_ count: Int) -> Bool {
        guard used.wrappingAdd(count, ordering: .relaxed).newValue > limit else { return true }
        give(count)
        return false
    }

    fileprivate func give(_ count: Int) { used.wrappingSubtract(count, ordering: .relaxed) }
}
