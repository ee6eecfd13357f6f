import RxModel
import RxStore
import Synchronization

/// What the partial copies of one client share: what is on its way, and how much came since the cache was last made small.
final class PartialTraffic: Sendable {
    /// With so many bytes it is looked whether the cache has become too large; a smaller cache is looked at more often.
    static let lookBytes = 64 << 20

    let flights = Flights()
    private let brought = Mutex(0)

    /// Counts bytes that came, and gives whether it is time to look at a cache of at most `limit` bytes.
    func isLookDue(after bytes: Int, limit: Int) -> Bool {
        brought.withLock { brought in
            brought += bytes
            guard brought >= min(PartialTraffic.lookBytes, limit / 8) else { return false }
            brought = 0
            return true
        }
    }
}
