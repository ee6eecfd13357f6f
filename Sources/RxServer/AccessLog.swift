import Glibc
import RxPosix
import RxProtocol
import Synchronization
import RxProtocol

/// The log of requests: one line each, JSON for programs or a short form for people.
///
/// A request only adds its line to a buffer. A thread writes the buffer by single calls; when the reader of the log is so slow that
/// the buffer is full, lines are left out and counted rather than holding up requests.
public final class AccessLog: Sendable {
    /// What is known of a request that is over.
    struct Entry {
        let method: String
        /// The request target as it was sent.
        let path: String
        let status: Int
        /// The length of the answer's body.
        let bytes: Int
        let nanoseconds: Int
        let id: String
        /// Whether the connection ended before the answer was sent.
        let aborted: Bool
    }

    private let buffer: LogBuffer?
    private let writer: Thread?
    private let human: Bool

    /// Writes to a descriptor, which is copied. By default lines are for people exactly when it is a terminal.
    public init(descriptor: Int32 = 2, human: Bool? = nil) {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        let buffer = copy < 0 ? nil : LogBuffer(FileDescriptor(owning: copy, path: "access log"))
        self.buffer = buffer
        self.human = human ?? Host.isTerminal(descriptor)
        writer = buffer.map { buffer in Thread { buffer.writeUntilClosed() } }
    }

    deinit {
        buffer?.close()
        writer?.join()
    }

    /// A log that nothing is written to.
    public static let none = AccessLog(descriptor: -1, human: false)

    /// Writes the lines that wait.
    public func flush() { buffer?.flush() }

    func write(_ entry: Entry) {
        buffer?.add { moment, stamp, out in
            guard !human else { return AccessLine.human(entry, into: &out) }
            AccessLine.json(entry, stamp: stamp, milliseconds: moment.tv_nsec / 1_000_000, into: &out)
        }
    }

    /// A line about a request that went wrong inside the server.
    func problem(_ message: String, id: String) {
        buffer?.add { moment, stamp, out in
            AccessLine.problem(message, id: id, stamp: stamp, milliseconds: moment.tv_nsec / 1_000_000, human: human, into: &out)
        }
    }
}

/// Lines on their way to the log.
private final class LogBuffer: Sendable {
    private struct State {
        var lines: [UInt8] = []
        var dropped = 0
        /// The time of `stamp`, in seconds since 1970.
        var second = 0
        /// The current second as text, made once a second.
        var stamp: [UInt8] = []
    }

    private static let limit = 4 << 20

    private let file: FileDescriptor
    private let state = Mutex(State())
    private let waiting = Monitor((lines: false, closed: false))

    init(_ file: FileDescriptor) { self.file = file }

    func add(_ line: (timespec, [UInt8], inout [UInt8]) -> Void) {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        let first = state.withLock { state in
            if state.second != moment.tv_sec || state.stamp.isEmpty {
                state.second = moment.tv_sec
                state.stamp = Array(Timestamp.text(moment.tv_sec).utf8.dropLast())
            }
            guard state.lines.count < LogBuffer.limit else {
                state.dropped += 1
                return false
            }
            let first = state.lines.isEmpty
            line(moment, state.stamp, &state.lines)
            return first
        }
        if first { waiting.update { $0.lines = true } }
    }

    func flush() {
        let (lines, dropped) = state.withLock { state in
            defer {
                state.lines = []
                state.dropped = 0
            }
            return (state.lines, state.dropped)
        }
        // A log that cannot be written stops no request.
        if !lines.isEmpty { try? file.write(lines) }
        if dropped > 0 { try? file.write(Array("{\"dropped\":\(dropped)}\n".utf8)) }
    }

    func close() { waiting.update { $0.closed = true } }

    /// Waits for lines and, so that busy times make few calls, a moment longer.
    func writeUntilClosed() {
        var closed = false
        while !closed {
            closed =
                waiting.wait { state -> Bool? in
                    guard state.lines || state.closed else { return nil }
                    state.lines = false
                    return state.closed
                } ?? true
            if !closed { usleep(2_000) }
            flush()
        }
    }
}
