import RxPosix

/// Does the same work once, however many threads ask for it at the same time: those that come while it runs get its result.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private final class Flight: Sendable {
        let result = Monitor<Result<Value, any Error>?>(nil)
    }

    private let flights = Monitor<[Key: Flight]>([:])

    /// Nothing is under way.
    package init() {}

    /// The result of `work`, or that of another thread's work of the same key that is under way.
    package func run(_ key: Key, _ work: () throws -> Value) throws -> Value {
        let (flight, isOwn) = flights.updateQuietly { flights in
            if let flight = flights[key] { return (flight, false) }
            let flight = Flight()
            flights[key] = flight
            return (flight, true)
        }
        guard isOwn else { return try flight.result.wait { $0 }!.get() }
        let result = Result { try work() }
        flights.updateQuietly { $0[key] = nil }
        flight.result.update { $0 = result }
        return try result.get()
    }
}
