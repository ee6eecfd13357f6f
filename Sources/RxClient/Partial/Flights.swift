import RxModel
import RxPosix

/// What is being fetched by this process: whoever wants it, too, waits for it in place of asking again, and shares what becomes of it.
final class Flights: Sendable {
    /// One digest on its way.
    private final class Flight: Sendable {
        let end = Monitor<Result<Void, any Error>?>(nil)
    }

    private let flights = Monitor<[Digest: Flight]>([:])

    /// Fetches those of `digests` that are not on their way by `fetch`, and waits for the others. Throws what fetching any of them did.
    func bring(_ digests: Set<Digest>, fetch: (Set<Digest>) throws -> Void) throws {
        var own: [Digest: Flight] = [:]
        var others: [Flight] = []
        flights.updateQuietly { flights in
            for digest in digests {
                if let flight = flights[digest] {
                    others.append(flight)
                } else {
                    let flight = Flight()
                    flights[digest] = flight
                    own[digest] = flight
                }
            }
        }
        if !own.isEmpty {
            let result = Result { try fetch(Set(own.keys)) }
            flights.updateQuietly { flights in for digest in own.keys { flights[digest] = nil } }
            for flight in own.values { flight.end.update { $0 = result } }
            try result.get()
        }
        // Nobody waits while others wait for him: what is one's own is over.
        for flight in others { try flight.end.wait { $0 }!.get() }
    }
}
