import Synchronization

/// Stops asking what has failed again and again, for a while. Source: Specs/15-loader, LOD-011.
public final class CircuitBreaker: Resource {
    private enum State {
        case closed(failures: Int)
        case open(until: Duration)
        /// One request is on its way to see whether it works again.
        case probing
    }

    private let resource: any Resource
    private let failures: Int
    private let cooldown: Duration
    private let conditions: Set<Condition>
    private let time: TimeSource
    private let state = Mutex(State.closed(failures: 0))

    /// After `failures` answers in a row whose condition is one of `conditions`, answers `unavailable` for `cooldown`; then one request
    /// is passed on, and its answer decides.
    public init(
        _ resource: any Resource, failures: Int = 5, cooldown: Duration = .seconds(30),
        on conditions: Set<Condition> = [.error, .unavailable],
        time: TimeSource = .system
    ) {
        self.resource = resource
        self.failures = max(failures, 1)
        self.cooldown = cooldown
        self.conditions = conditions
        self.time = time
    }

    public func get(_ headers: Headers) async -> Reply { await guarded { await resource.get(headers) } }

    public func put(_ headers: Headers, _ body: Body) async -> Reply { await guarded { await resource.put(headers, body) } }

    private func guarded(_ ask: () async -> Reply) async -> Reply {
        guard let isProbe = admit() else {
            return .condition(.unavailable, "it failed \(failures) times in a row and is left alone for now")
        }
        let reply = await ask()
        note(failed: reply.condition.map(conditions.contains) ?? false, isProbe: isProbe)
        return reply
    }

    /// Whether the request may go on and is the one that tries; nil when it may not.
    private func admit() -> Bool? {
        let now = time.now()
        return state.withLock { state in
            switch state {
            case .closed: return false
            case .open(let until) where now >= until:
                state = .probing
                return true
            case .open, .probing: return nil
            }
        }
    }

    private func note(failed: Bool, isProbe: Bool) {
        let until = time.now() + cooldown
        state.withLock { state in
            switch state {
            case .closed(let before):
                guard failed else { return state = .closed(failures: 0) }
                state = before + 1 >= failures ? .open(until: until) : .closed(failures: before + 1)
            case .probing where isProbe: state = failed ? .open(until: until) : .closed(failures: 0)
            // The answer to a request from before it opened says nothing new.
            case .open, .probing: return
            }
        }
    }
}
