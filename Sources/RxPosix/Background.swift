/// One piece of work on a thread of its own, whose result is waited for.
public final class Background<Value>: @unchecked Sendable {
    private final class Box: @unchecked Sendable {
        // Written by the thread before it ends, read after it was joined.
        var value: Value?
    }

    private let box = Box()
    private var thread: Thread?

    /// Starts `work` at once. One thread asks for `value`.
    public init(_ work: @escaping @Sendable () -> Value) { thread = Thread { [box] in box.value = work() } }

    deinit { thread?.join() }

    /// The result; waits for it.
    public var value: Value {
        thread?.join()
        thread = nil
        return box.value!
    }
}
