import Glibc
import RxPosix

/// A registry's process on the round's store, started again on the same port when it dies.
final class Server: Sendable {
    private struct State {
        var program: Program?
        var port = 0
        var isReady = false
        var isOver = false
        /// How often it died before it listened: nobody waits for it for ever.
        var failures = 0
    }

    private static let mostFailures = 3
    private let state = Monitor(State())

    /// The port that it listens on, or did.
    var port: Int { state.updateQuietly { $0.port } }

    /// Forgets what was before this epoch.
    func begin() {
        state.update { state in
            state.isReady = false
            state.isOver = false
            state.failures = 0
        }
    }

    /// Runs servers one after another until `end`: the first with faults, the others without.
    func keepRunning(_ round: Round, _ faulty: [String: String], _ plain: [String: String]) {
        var environment = faulty
        while state.updateQuietly({ !$0.isOver && $0.failures < Server.mostFailures }) {
            let program: Program
            do {
                program = try Program(
                    round.setup.program, ["serve", "--data", round.store(0), "--host", round.host, "--port", "\(port)"],
                    environment: environment,
                    folder: round.folder)
            } catch {
                round.complain("a server cannot be started: \(error)")
                break
            }
            let mayRun = state.update { state in
                state.program = program
                return !state.isOver
            }
            if !mayRun { program.kill() }
            let port = program.line(seconds: 10).flatMap(Server.port)
            state.update { state in
                state.port = port ?? state.port
                state.isReady = state.isReady || port != nil
                if port == nil { state.failures += 1 }
            }
            program.wait()
            if let crash = program.crash() { round.complain(crash) }
            environment = plain
        }
        state.update { state in
            state.isReady = true
            state.program = nil
        }
    }

    /// Waits until it listens, or has given up.
    func waitUntilReady() { _ = state.wait(seconds: 10) { $0.isReady ? true : nil } }

    /// Ends the process that runs after so many milliseconds of this epoch, unless that is over by then.
    func kill(after milliseconds: Int) {
        _ = state.wait(seconds: Double(milliseconds) / 1000) { $0.isOver ? true : nil }
        state.updateQuietly { $0.program }?.kill()
    }

    /// Ends it for this epoch.
    func end(_ signal: Int32) {
        let program = state.update { state in
            state.isOver = true
            return state.program
        }
        program?.end(signal)
    }

    /// The port in the line that tells of it.
    static func port(_ line: String) -> Int? {
        guard let scheme = line.firstRange(of: "http://127."), let colon = line[scheme.upperBound...].firstIndex(of: ":") else {
            return nil
        }
        return Int(line[line.index(after: colon)...].prefix { $0.isNumber })
    }
}
