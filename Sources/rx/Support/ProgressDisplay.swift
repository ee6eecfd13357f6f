import RxClient
import RxModel
import RxPosix
import Synchronization

/// Tells on standard error how far the work is: a bar on a terminal, else a line now and then, or JSON lines for programs.
final class ProgressDisplay: Progress {
    /// How it is told.
    enum Style: Equatable {
        /// A line that is written over and goes away at the end.
        case bar
        /// Lines that stay.
        case lines
        /// One JSON object a line.
        case events

        /// Work that takes less is not told of, in nanoseconds.
        var patience: Int { self == .lines ? 2_000_000_000 : 500_000_000 }
        /// The shortest time between two lines, in nanoseconds.
        var interval: Int { self == .lines ? 5_000_000_000 : 100_000_000 }
    }

    private struct State {
        var meter = ProgressMeter()
        var shownAt: Int?
        /// Whether something of this phase was told.
        var isShown = false
        var columns = 0
    }

    private let style: Style
    private let state = Mutex(State())
    private let clock: @Sendable () -> Int
    private let write: @Sendable (String) -> Void

    /// What an invocation asks for: `--json` for events, a terminal for a bar, `--quiet` for nothing.
    static func make(_ invocation: Invocation) -> any Progress {
        guard !invocation.has(.quiet) else { return NoProgress() }
        return ProgressDisplay(invocation.has(.json) ? .events : Host.isTerminal(2) ? .bar : .lines)
    }

    init(
        _ style: Style, clock: @escaping @Sendable () -> Int = { Clock.monotonic },
        write: @escaping @Sendable (String) -> Void = { Host.writeError($0) }
    ) {
        self.style = style
        self.clock = clock
        self.write = write
    }

    func expect(phases: Int) { state.withLock { $0.meter.expect(phases: phases) } }

    func begin(_ what: String, total: Int?) { begin(what, total: total, files: nil) }

    func begin(_ what: String, total: Int?, files: Int?) {
        state.withLock { state in
            if state.meter.isActive { close(&state) }
            state.meter.begin(what, bytes: total, files: files, at: clock())
        }
    }

    func advance(_ bytes: Int) { advance(bytes, files: 0) }

    func advance(_ bytes: Int, files: Int) {
        state.withLock { state in
            guard state.meter.isActive, let startedAt = state.meter.startedAt else { return }
            let now = clock()
            state.meter.advance(bytes: bytes, files: files, at: now)
            guard now - startedAt >= style.patience, now - (state.shownAt ?? -style.interval) >= style.interval || isFirstEvent(state)
            else {
                return
            }
            show(&state, now)
        }
    }

    func end() {
        state.withLock { state in
            guard state.meter.isActive else { return }
            close(&state)
            state.meter.end()
        }
    }

    private func isFirstEvent(_ state: State) -> Bool { style == .events && !state.isShown }

    private func show(_ state: inout State, _ now: Int) {
        let reading = state.meter.read(at: now)
        switch style {
        case .bar:
            if !state.isShown { state.columns = Host.terminalColumns(2) }
            write("\r" + ProgressText.bar(reading, columns: state.columns) + "\u{1B}[K")
        case .lines: write(ProgressText.line(reading) + "\n")
        case .events: write((state.isShown ? "" : reading.event("begin")) + reading.event("progress"))
        }
        state.shownAt = now
        state.isShown = true
    }

    /// Ends what is told of a phase.
    private func close(_ state: inout State) {
        guard state.isShown else { return }
        switch style {
        case .bar: write("\r\u{1B}[K")
        case .lines: break
        case .events: write(state.meter.read(at: clock()).event("end"))
        }
        state.isShown = false
    }
}

extension ProgressReading {
    /// The reading as a line for programs. Source: Specs/09-command-line, CLI-056.
    fileprivate func event(_ name: String) -> String {
        JSON.members([
            "event": .string(name), "what": .string(what), "bytes": .integer(bytes), "totalBytes": totalBytes.map { .integer($0) },
            "files": .integer(files), "totalFiles": totalFiles.map { .integer($0) }, "rate": .integer(rate),
            "secondsLeft": secondsLeft.map { .integer($0) },
        ]).text + "\n"
    }
}
