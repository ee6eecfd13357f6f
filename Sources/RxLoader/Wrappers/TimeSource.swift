import RxPosix

/// Where waiting wrappers get their time from; tests have one that they move themselves.
public struct TimeSource: Sendable {
    /// The time since an unknown start, never going back.
    public let now: @Sendable () -> Duration
    /// Waits; throws when the task is cancelled meanwhile.
    public let sleep: @Sendable (Duration) async throws -> Void

    /// Makes a source of two functions.
    public init(now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// The system's time.
    public static let system = TimeSource(now: { .nanoseconds(Clock.monotonic) }, sleep: { try await Task.sleep(for: $0) })
}
