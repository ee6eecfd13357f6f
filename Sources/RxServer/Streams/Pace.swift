import RxPosix

/// Whether a stream moves at all: one that is fed, or drained, by a few bytes at a time would hold its place for days. Source: XFR-130.
struct Pace {
    /// How many bytes must move between one look and the next.
    static let leastBytes = 64 << 10

    private let period: Int
    private var begunAt = Clock.monotonic
    private var bytes = 0

    /// Looks every `seconds`.
    init(seconds: Int) { period = seconds * 1_000_000_000 }

    /// Counts bytes that moved. False when a period has passed in which too few did.
    mutating func moved(_ count: Int) -> Bool {
        bytes += count
        guard Clock.monotonic - begunAt >= period else { return true }
        guard bytes >= Pace.leastBytes else { return false }
        restart()
        return true
    }

    /// Begins a period: what was before is not to be judged.
    mutating func restart() {
        begunAt = Clock.monotonic
        bytes = 0
    }
}
