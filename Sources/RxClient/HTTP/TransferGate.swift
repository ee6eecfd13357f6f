import RxPosix

/// How many transfers with one server run at once. It begins with all that are allowed, halves when the server is busy or stands still,
/// and grows again, by one for each round of transfers that succeed (additive increase, multiplicative decrease).
final class TransferGate: Sendable {
    private struct State {
        var limit: Double
        var running = 0
        var halvedAt: Int?
    }

    /// How many run at once unless the configuration says otherwise.
    static let standard = 8
    /// The most that the configuration can ask for.
    static let most = 64

    private let most: Int
    private let interval: Int
    private let state: Monitor<State>

    /// Lets through at most `most` at once. What is said to speak for fewer counts once in `interval` nanoseconds: many transfers
    /// meet the same trouble at the same time.
    init(most: Int = TransferGate.standard, interval: Int = 1_000_000_000) {
        self.most = most
        self.interval = interval
        state = Monitor(State(limit: Double(most)))
    }

    /// How many may run at once now.
    var limit: Int { state.update { Int($0.limit) } }

    /// How many streams of many blobs may run beside the transfers that are let through.
    var lanes: Int { min(Freight.lanes, limit) }

    /// Something speaks for fewer transfers at once: the server is busy, or does not answer in time.
    func congested() {
        state.update { state in
            let now = Clock.monotonic
            if let halvedAt = state.halvedAt, now - halvedAt < interval { return }
            state.halvedAt = now
            state.limit = max(1, state.limit / 2)
        }
    }

    /// Runs one transfer once there is room for it.
    func run<Value>(_ transfer: () throws -> Value) rethrows -> Value {
        _ = state.wait { state -> Bool? in
            guard state.running < Int(state.limit) else { return nil }
            state.running += 1
            return true
        }
        defer { state.update { $0.running -= 1 } }
        let value = try transfer()
        state.update { $0.limit = min(Double(most), $0.limit + 1 / $0.limit) }
        return value
    }

    /// Runs `transfer` for each index, as many at once as may; throws the first error after all have stopped.
    func forEach(_ indices: Range<Int>, _ transfer: @escaping @Sendable (Int) throws -> Void) throws {
        try WorkerPool.forEach(indices, threads: most) { index in try self.run { try transfer(index) } }
    }
}
