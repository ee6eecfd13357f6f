import CPosix
import Glibc
import RxPosix
import Synchronization

/// A process of the program under test: started with a plan of faults, killed at any moment, looked at when it has ended.
final class Program: Sendable {
    private struct State {
        var isRunning = true
        var status: Int32 = 0
        /// Whether it was this side that ended it.
        var wasKilled = false
        /// What it wrote to standard output.
        var written: [UInt8] = []
    }

    /// What it does, in words.
    let words: String
    private let process: pid_t
    private let output: FileDescriptor
    private let errorPath: String
    private let state = Mutex(State())

    /// Starts the program. Its errors go to a file of their own in `folder`. Throws `PosixError`.
    init(_ path: String, _ arguments: [String], environment: [String: String], folder: String) throws(PosixError) {
        words = "rx \(arguments.joined(separator: " "))"
        var ends: [Int32] = [-1, -1]
        _ = try retrying("pipe", path) { rx_pipe(&ends) }
        output = FileDescriptor(owning: ends[0], path: path)
        let writing = FileDescriptor(owning: ends[1], path: path)
        errorPath = "\(folder)/error-\(RandomName.make())"
        let errors = try FileDescriptor.open(errorPath, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
        let nothing = try FileDescriptor.open("/dev/null", O_RDONLY)
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for each in words + variables { free(each) } }
        var number: Int32 = 0
        // Killed with whoever waits for it; and none is started once this program is told to end.
        let code = Interruption.finishing {
            let code = rx_spawn_bound(&number, path, &words, &variables, nothing.number, writing.number, errors.number)
            if code == 0 { Interruption.bind(number) }
            return code
        }
        guard code == 0 else { throw PosixError("posix_spawn", path, errno: code) }
        process = number
    }

    deinit {
        kill()
        wait()
        Files.discard(errorPath)
    }

    /// Ends it as the kernel would, at once.
    func kill() { end(SIGKILL) }

    /// Sends it a signal, unless it has been waited for.
    func end(_ signal: Int32) {
        state.withLock { state in
            guard state.isRunning else { return }
            state.wasKilled = true
            Glibc.kill(process, signal)
        }
    }

    /// One line of its standard output; nil when it ends or says nothing in time.
    func line(seconds: Double) -> String? {
        let (bytes, _) = read(until: { $0.last == UInt8(ascii: "\n") }, seconds: seconds)
        return bytes.last == UInt8(ascii: "\n") ? String(decoding: bytes.dropLast(), as: UTF8.self) : nil
    }

    /// Reads until its output ends, and waits for it. One that takes longer is killed. Gives the exit status, 128 and more for a signal.
    @discardableResult
    func finish(seconds: Double) -> Int32 {
        let (bytes, isOver) = read(until: { _ in false }, seconds: seconds)
        state.withLock { $0.written = bytes }
        if !isOver { kill() }
        return wait()
    }

    private func read(until isEnough: ([UInt8]) -> Bool, seconds: Double) -> ([UInt8], isOver: Bool) {
        let deadline = Clock.monotonic + Int(seconds * 1e9)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !isEnough(bytes) {
            let left = deadline - Clock.monotonic
            guard left > 0 else { return (bytes, false) }
            var waiting = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, Int32(clamping: left / 1_000_000 + 1)) > 0 else { continue }
            let count = Glibc.read(output.number, &buffer, buffer.count)
            guard count > 0 else { return (bytes, true) }
            bytes += buffer[..<count]
        }
        return (bytes, true)
    }

    /// Waits for its end; gives the exit status, 128 and more for a signal.
    @discardableResult
    func wait() -> Int32 {
        while true {
            var info = siginfo_t()
            // Looked at first and taken only under the lock: its number is not another's as long as signals may go to it.
            let isOver = waitid(P_PID, UInt32(process), &info, WEXITED | WNOWAIT) == 0 || errno != EINTR
            guard isOver else { continue }
            return state.withLock { state in
                guard state.isRunning else { return state.status }
                Interruption.release(process)
                var status: Int32 = 0
                while waitpid(process, &status, 0) == -1, errno == EINTR {}
                state.isRunning = false
                state.status = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
                return state.status
            }
        }
    }

    /// Why it ended as no program should: by a signal that nobody sent it. Nil when it did not; asked after its end.
    func crash() -> String? {
        let status = wait()
        guard status >= 128, status != 128 + SIGKILL, status != 128 + SIGTERM, status != 128 + SIGPIPE else { return nil }
        return "\(words) ended with status \(status): \(errors)"
    }

    /// Whether this side killed it.
    var wasKilled: Bool { state.withLock { $0.wasKilled } }

    /// What it wrote to standard output, once it has finished.
    var text: String { String(decoding: state.withLock { $0.written }, as: UTF8.self) }

    /// The last it wrote to standard error.
    var errors: String {
        let text = (try? Files.read(errorPath, limit: 1 << 20)).map { String(decoding: $0.suffix(600), as: UTF8.self) } ?? ""
        return text.split(separator: "\n").suffix(3).joined(separator: " | ")
    }
}
