import RxModel
import RxPosix
import RxStore

/// What is being fetched by this process: whoever wants it, too, waits for it in place of asking again, and shares what becomes of it.
final class Flights: Sendable {
    /// Some digests on their way together.
    private final class Flight: Sendable {
        let isSingle: Bool
        let end = Monitor<Result<Void, any Error>?>(nil)

        init(isSingle: Bool) { self.isSingle = isSingle }
    }

    /// What is asked for is one repository's of one registry: what becomes of it says nothing of another's.
    private struct Key: Hashable {
        let registry: String
        let repository: String
        let digest: Digest
    }

    private let flights = Monitor<[Key: Flight]>([:])

    /// Fetches those of `digests` that are not on their way from the repository of `reference` by `fetch`, and waits for the others. Throws
    /// what fetching any of them did; where several were fetched together, which may have failed for one of the others, the one that is wanted
    /// is tried by itself.
    func bring(_ digests: Set<Digest>, of reference: Reference, fetch: (Set<Digest>) throws -> Void) throws {
        func key(_ digest: Digest) -> Key { Key(registry: reference.registry, repository: reference.repository, digest: digest) }
        let (own, flight, others) = flights.updateQuietly { flights in
            var others: [Digest: Flight] = [:]
            for digest in digests { others[digest] = flights[key(digest)] }
            let own = digests.subtracting(others.keys)
            let flight = Flight(isSingle: own.count == 1)
            for digest in own { flights[key(digest)] = flight }
            return (own, flight, others)
        }
        if !own.isEmpty {
            let result = Result { try fetch(own) }
            flights.updateQuietly { flights in for digest in own { flights[key(digest)] = nil } }
            flight.end.update { $0 = result }
            try result.get()
        }
        // Nobody waits while others wait for him: what is one's own is over.
        var again: Set<Digest> = []
        for (digest, flight) in others {
            if case .failure(let error) = flight.end.wait(until: { $0 })! {
                guard !flight.isSingle else { throw error }
                again.insert(digest)
            }
        }
        if !again.isEmpty { try bring(again, of: reference, fetch: fetch) }
    }
}
