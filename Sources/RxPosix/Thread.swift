import Glibc

/// An operating-system thread for work that blocks.
public final class Thread: Sendable {
    private let handle: pthread_t

    /// Starts `body` on a thread of its own.
    public init(stackSize: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackSize)
        defer { pthread_attr_destroy(&attributes) }
        var handle = pthread_t()
        let context = Unmanaged.passRetained(ThreadBody(body))
        let result = pthread_create(&handle, &attributes, runThread, context.toOpaque())
        precondition(result == 0, "pthread_create: \(String(cString: strerror(result)))")
        self.handle = handle
    }

    /// Starts `body` on a thread that nobody waits for.
    public static func detach(_ body: @escaping @Sendable () -> Void) { pthread_detach(Thread(body).handle) }

    /// Waits until the thread has ended; call it once.
    public func join() { pthread_join(handle, nil) }
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
    return nil
}
