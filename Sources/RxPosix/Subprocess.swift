import CPosix
import Glibc

/// Runs another program to its end, without a shell.
public enum Subprocess {
    /// How a program ended, and what it wrote.
    public struct Ended: Sendable {
        /// The exit status; 128 and more for a signal.
        public let status: Int32
        /// What it wrote to standard output.
        public let output: [UInt8]
    }

    /// The longest input, in bytes: what a pipe takes at once.
    public static let inputLimit = 4096

    /// Runs the program that `PATH` finds under `name`, with `input` on its standard input, and waits until it ends. What it writes to
    /// standard error is dropped. Its arguments can be seen by every user of the machine; its input cannot.
    ///
    /// Throws `PosixError`: what starting it failed with, `E2BIG` for a longer input, `EFBIG` for more output than `outputLimit` bytes,
    /// `ETIMEDOUT` when it takes longer than `seconds`. The program is ended then.
    public static func run(
        _ name: String, _ arguments: [String] = [], input: [UInt8] = [], outputLimit: Int = 1 << 20, seconds: Double
    ) throws(PosixError) -> Ended {
        guard input.count <= inputLimit else { throw PosixError("write", name, errno: E2BIG) }
        let deadline = Clock.monotonic + Int(seconds * 1e9)
        let (process, result) = try start(name, arguments, try filled(name, input))
        return try finish(process, name, result, outputLimit, deadline)
    }

    /// The reading end of a pipe that holds `input` and then ends.
    private static func filled(_ name: String, _ input: [UInt8]) throws(PosixError) -> FileDescriptor {
        let ends = try pipe(name)
        // It fits into the pipe, so this neither waits nor meets a closed end.
        try ends.write.write(input)
        return ends.read
    }

    /// Starts the program; gives its id and the end of the pipe that it writes to. The other end is the program's alone when this returns.
    private static func start(_ name: String, _ arguments: [String], _ input: FileDescriptor) throws(PosixError) -> (pid_t, FileDescriptor)
    {
        let (result, output) = try pipe(name)
        var words: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: Int32 = 0
        let code = rx_spawn(&process, name, &words, nil, input.number, output.number, -1)
        guard code == 0 else { throw PosixError("posix_spawn", name, errno: code) }
        return (process, result)
    }

    /// Reads what the program writes, then waits for its end.
    private static func finish(_ process: pid_t, _ name: String, _ result: FileDescriptor, _ limit: Int, _ deadline: Int) throws(PosixError)
        -> Ended
    {
        var isOver = false
        defer {
            if !isOver {
                kill(process, SIGKILL)
                var status: Int32 = 0
                while waitpid(process, &status, 0) == -1, errno == EINTR {}
            }
        }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var waiting = pollfd(fd: result.number, events: Int16(POLLIN), revents: 0)
            let left = deadline - Clock.monotonic
            guard left > 0 else { throw PosixError("wait for", name, errno: ETIMEDOUT) }
            let ready = try retrying("poll", name) { poll(&waiting, 1, Int32(clamping: left / 1_000_000 + 1)) }
            guard ready > 0 else { continue }
            let count = try retrying("read", name) { read(result.number, &buffer, buffer.count) }
            guard count > 0 else { break }
            output += buffer[..<count]
            guard output.count <= limit else { throw PosixError("read", name, errno: EFBIG) }
        }
        var status: Int32 = 0
        while try retrying("waitpid", name, { waitpid(process, &status, WNOHANG) }) == 0 {
            guard Clock.monotonic < deadline else { throw PosixError("wait for", name, errno: ETIMEDOUT) }
            usleep(2000)
        }
        isOver = true
        return Ended(status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F, output: output)
    }

    private static func pipe(_ name: String) throws(PosixError) -> (read: FileDescriptor, write: FileDescriptor) {
        var ends: [Int32] = [-1, -1]
        _ = try retrying("pipe", name) { rx_pipe(&ends) }
        return (FileDescriptor(owning: ends[0], path: name), FileDescriptor(owning: ends[1], path: name))
    }
}
