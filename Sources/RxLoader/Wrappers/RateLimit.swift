import RxModel
import Synchronization

/// Lets so many requests through in a time, and no more. Source: Specs/15-loader, LOD-012.
///
/// The generic cell rate algorithm (ITU-T I.371): one number says when the next request would be due if they came evenly.
public final class RateLimit: Resource {
    private let resource: any Resource
    private let interval: Duration
    private let slack: Duration
    private let time: TimeSource
    private let due = Mutex(Duration.zero)

    /// Lets `count` requests through at once, and from then on `count` in each `period`, evenly.
    public init(_ resource: any Resource, count: Int, per period: Duration, time: TimeSource = .system) {
        self.resource = resource
        interval = period / max(count, 1)
        slack = interval * (max(count, 1) - 1)
        self.time = time
    }

    public func get(_ headers: Headers) async -> Reply {
        if let refusal = refusal() { return refusal }
        return await resource.get(headers)
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        if let refusal = refusal() { return refusal }
        return await resource.put(headers, body)
    }

    private func refusal() -> Reply? {
        let now = time.now()
        let wait = due.withLock { due -> Duration? in
            let next = max(due, now)
            guard next - now <= slack else { return next - now - slack }
            due = next + interval
            return nil
        }
        guard let wait else { return nil }
        let seconds = Int(wait.components.seconds) + (wait.components.attoseconds > 0 ? 1 : 0)
        return .condition(.rateLimited, "too many requests; try again in \(seconds) s", others: ["retryAfter": .integer(seconds)])
    }
}
