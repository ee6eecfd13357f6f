import Glibc
import RxModel
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
        buffer?.flush()
        buffer?.close()
        writer?.join()
    }

    /// A log that nothing is written to.
    public static let none = AccessLog(descriptor: -1, human: false)

    /// Has the lines that wait written. Waits for at most a second: a reader that takes nothing for so long gets none of them.
    public func flush() { buffer?.flush() }

    func write(_ entry: Entry) {
        buffer?.add { moment, stamp, out in
            guard !human else { return AccessLine.human(entry, into: &out) }
            AccessLine.json(entry, stamp: stamp, milliseconds: moment.tv_nsec / 1_000_000, into: &out)
        }
    }

    /// A line about what the server does by itself: for people a sentence, for programs that and the members of an object.
    func event(_ message: String, _ members: JSON) {
        buffer?.add { moment, stamp, out in
            AccessLine.event(message, members, stamp: stamp, milliseconds: moment.tv_nsec / 1_000_000, human: human, into: &out)
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

    /// Batches of lines that are to be written, and those that were, by number.
    private struct Progress {
        var wanted = 0
        var written = 0
        var closed = false
    }

    private static let limit = 4 << 20
    /// How long, in seconds, the end waits for a reader.
    private static let patience = 1.0

    private let file: FileDescriptor
    private let state = Mutex(State())
    private let waiting = Monitor(Progress())
    private let isFile: Bool
    /// Whether what the reader does not take at once is given up: after a flush took too long, and at the end.
    private let dropping = Atomic<Bool>(false)
    private let closed = Atomic<Bool>(false)

    init(_ file: FileDescriptor) {
        self.file = file
        isFile = (try? file.status())?.isRegular ?? false
    }

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
        if first { waiting.update { $0.wanted += 1 } }
    }

    /// Has the lines that wait written; gives up, and drops them, when the reader of the log takes none for a second.
    func flush() {
        let mine = waiting.update { state in
            state.wanted += 1
            return state.wanted
        }
        guard waiting.wait(seconds: LogBuffer.patience, until: { $0.written >= mine ? true : nil }) == nil else { return }
        dropping.store(true, ordering: .relaxed)
    }

    /// Ends the writer, after what can be written at once.
    func close() {
        closed.store(true, ordering: .relaxed)
        waiting.update { $0.closed = true }
    }

    /// Waits for lines and, so that busy times make few calls, a moment longer.
    func writeUntilClosed() {
        while true {
            let (wanted, isLast) = waiting.wait { state in
                state.wanted > state.written || state.closed ? (state.wanted, state.closed) : nil
            }!
            if !isLast { usleep(2_000) }
            writeLines()
            dropping.store(false, ordering: .relaxed)
            waiting.update { $0.written = wanted }
            if isLast { return }
        }
    }

    private func writeLines() {
        let (lines, dropped) = state.withLock { state in
            defer {
                state.lines = []
                state.dropped = 0
            }
            return (state.lines, state.dropped)
        }
        write(lines)
        if dropped > 0 { write(Array("{\"dropped\":\(dropped)}\n".utf8)) }
    }

    /// Writes as fast as the reader takes it, and never so much at a time that the call could block.
    private func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                var ready = pollfd(fd: file.number, events: Int16(POLLOUT), revents: 0)
                let isClosed = closed.load(ordering: .relaxed)
                let result = poll(&ready, 1, isClosed ? 0 : 50)
                if result == 0 || result < 0 && errno == EINTR {
                    if isClosed || dropping.load(ordering: .relaxed) { return }
                    continue
                }
                let part = UnsafeRawBufferPointer(rebasing: rest.prefix(isFile ? rest.count : Int(PIPE_BUF)))
                // A log that cannot be written stops no request.
                do { try file.write(part) } catch { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
            }
        }
    }
}
