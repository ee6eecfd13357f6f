import Glibc
import RxPosix
import Synchronization

/// How much of the catalog and of the disk long work takes while others write: it looks in its pauses whether anybody has.
/// Source: Specs/05-store, STO-109.
final class Pace: Sendable {
    /// For so long after a commit of others they count as writing, in nanoseconds.
    static let memory = 500_000_000
    /// The longest pause, in nanoseconds: whoever writes has long had a turn.
    static let longestPause = 100_000_000
    /// The shortest pause, in nanoseconds: who waits for the catalog asks for it once a millisecond.
    static let pause = 2_000_000
    /// How many pages the log grows by before they are moved into the database. Whoever commits when it has 8192 moves all of them first.
    static let movedPages = 1024
    /// With so many pages the log is to begin anew.
    static let manyPages = 4096

    private struct State {
        /// What the catalog's log was after the last own change; nil before the first.
        var own: Int?
        /// When a commit of others was noticed; nil before the first.
        var othersAt: Int?
        /// How long the log was when it was last moved into the database.
        var moved = 0
    }

    private let state = Mutex(State())

    /// Whether others have written a moment ago.
    var isBesideOthers: Bool { state.withLock { $0.othersAt.map { Clock.monotonic - $0 < Pace.memory } ?? false } }

    /// Notes what the log is, a moment before or after an own change.
    func look(_ position: Int?, isOwn: Bool) {
        guard let position else { return }
        state.withLock { state in
            if !isOwn, let own = state.own, own != position { state.othersAt = Clock.monotonic }
            state.own = position
        }
    }

    /// Whether the log has grown so much that it is to be moved now, and whether it is to begin anew after that.
    func isDue(pages: Int) -> (move: Bool, begin: Bool) {
        state.withLock { state in
            if pages < state.moved { state.moved = 0 }
            guard pages - state.moved >= Pace.movedPages else { return (false, false) }
            state.moved = pages
            return (true, pages >= Pace.manyPages)
        }
    }

    /// Pauses after work of so many nanoseconds: three times as long while others write.
    func rest(after time: Int, atLeast least: Int = 0) {
        let pause = min(max(isBesideOthers ? 3 * time : 0, least), Pace.longestPause)
        if pause > 0 { usleep(UInt32(pause / 1000)) }
    }
}
