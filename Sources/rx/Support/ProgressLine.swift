import RxClient
import RxPosix
import Synchronization

/// A line on a terminal's standard error that tells how far the work is, once it has taken half a second.
final class ProgressLine: Progress {
    private static let patience = 500_000_000
    private static let interval = 100_000_000

    private struct State {
        var what = ""
        var total: Int?
        var done = 0
        var startedAt = 0
        var shownAt = 0
        var shown = false
    }

    private let state = Mutex(State())

    /// A line when standard error is a terminal and nothing asks for silence, else nothing.
    static func make(_ invocation: Invocation) -> any Progress {
        guard Host.isTerminal(2), !invocation.has(.json), !invocation.has(.quiet) else { return NoProgress() }
        return ProgressLine()
    }

    func begin(_ what: String, total: Int?) {
        state.withLock { state in
            if state.shown { Host.writeError("\r\u{1B}[K") }
            state = State(what: what, total: total, startedAt: Clock.monotonic)
        }
    }

    func advance(_ bytes: Int) {
        state.withLock { state in
            state.done += bytes
            let now = Clock.monotonic
            guard now - state.startedAt >= ProgressLine.patience, now - state.shownAt >= ProgressLine.interval else { return }
            state.shownAt = now
            state.shown = true
            Host.writeError("\r\u{1B}[K" + ProgressLine.text(state, now))
        }
    }

    func end() {
        state.withLock { state in
            if state.shown { Host.writeError("\r\u{1B}[K") }
            state = State()
        }
    }

    private static func text(_ state: State, _ now: Int) -> String {
        let seconds = Double(now - state.startedAt) / 1e9
        let rate = Int(Double(state.done) / seconds)
        var text = "\(state.what) \(Output.bytes(state.done))"
        if let total = state.total, total > 0 {
            text += " of \(Output.bytes(total)) (\(min(100, state.done * 100 / total)) %)"
        }
        text += ", \(Output.bytes(rate))/s"
        if let total = state.total, rate > 0, total > state.done { text += ", \((total - state.done) / rate + 1) s left" }
        return text
    }
}
