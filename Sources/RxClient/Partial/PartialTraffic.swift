import RxModel
import RxPosix
import RxStore
import Synchronization

/// What the partial copies of one client share: what is on its way, and how much came since the cache was last made small.
final class PartialTraffic: Sendable {
    /// With so many bytes it is looked whether the cache has become too large; a smaller cache is looked at more often.
    static let lookBytes = 64 << 20

    /// After a look none is made for so many times as long as it took.
    static let restFactor = 9

    private struct Looks {
        /// The bytes that came since the last.
        var brought = 0
        var isLooking = false
        /// When the next may begin.
        var next = 0
    }

    let flights = Flights()
    private let looks = Mutex(Looks())

    /// Counts bytes that came, and looks at a cache of at most `limit` bytes when it is time to: one at a time in this process. `now` is a clock
    /// of nanoseconds.
    func look(after bytes: Int, limit: Int, now: () -> Int = { Clock.monotonic }, _ body: () -> Void) {
        let isDue = looks.withLock { looks in
            looks.brought += bytes
            guard !looks.isLooking, looks.brought >= min(PartialTraffic.lookBytes, limit / 8), now() >= looks.next else {
                return false
            }
            looks.brought = 0
            looks.isLooking = true
            return true
        }
        guard isDue else { return }
        let began = now()
        body()
        let end = now()
        looks.withLock { looks in
            looks.isLooking = false
            looks.next = end + (end - began) * PartialTraffic.restFactor
        }
    }
}
