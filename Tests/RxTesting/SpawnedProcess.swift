public import Foundation
import RxPosix

/// Another program, started by posix_spawn(3), with what these tests use of Foundation's `Process`.
///
/// That one may read behind the end of what readdir(3) gave while it looks which descriptors are open, and so end the whole test run.
public final class SpawnedProcess: @unchecked Sendable {
    // Set up by one thread before `run`; from then on only `ended` changes.
    public var executableURL: URL?
    public var arguments: [String] = []
    /// All of its environment; this process's when nil.
    public var environment: [String: String]?
    public var currentDirectoryURL: URL?
    /// A `FileHandle` or `Pipe`; this process's own when nil.
    public var standardInput: AnyObject?
    public var standardOutput: AnyObject?
    public var standardError: AnyObject?
    /// Its id, once it runs.
    public private(set) var processIdentifier: Int32 = 0

    private let ended = Monitor<Int32?>(nil)

    /// Describes nothing yet.
    public init() {}

    /// Starts it, in a process group of its own, with no signal blocked or ignored and no other descriptor than its three. Throws
    /// `PosixError`.
    public func run() throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var given: [FileHandle] = []
        for (number, end) in [(Int32(0), standardInput), (1, standardOutput), (2, standardError)] {
            let pipe = end as? Pipe
            guard let handle = end as? FileHandle ?? (number == 0 ? pipe?.fileHandleForReading : pipe?.fileHandleForWriting) else {
                continue
            }
            // The null device of Foundation has no descriptor.
            if handle.fileDescriptor < 0 {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
            } else {
                posix_spawn_file_actions_adddup2(&actions, handle.fileDescriptor, number)
            }
            if pipe != nil { given.append(handle) }
        }
        for number in try Files.names(in: "/proc/self/fd").compactMap({ Int32($0) }) where number > 2 {
            let flags = fcntl(number, F_GETFD)
            if flags >= 0, flags & FD_CLOEXEC == 0 { posix_spawn_file_actions_addclose(&actions, number) }
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var line = [executableURL!.path] + arguments
        // env(1) is the program then: it goes there, and on as it.
        if let folder = currentDirectoryURL { line = ["/usr/bin/env", "--chdir=\(folder.path)"] + line }
        let variables = environment ?? ProcessInfo.processInfo.environment
        var words = line.map { strdup($0) } + [nil]
        var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        let code = posix_spawn(&processIdentifier, line[0], &actions, &attributes, &words, &settings)
        guard code == 0 else { throw PosixError("posix_spawn", line[0], errno: code) }
        for handle in given { try? handle.close() }
        RxPosix.Thread.detach { [processIdentifier, ended] in
            var status: Int32 = 0
            while waitpid(processIdentifier, &status, 0) == -1, errno == EINTR {}
            ended.update { $0 = status }
        }
    }

    /// Whether it was started and has not ended.
    public var isRunning: Bool { processIdentifier != 0 && ended.updateQuietly { $0 } == nil }

    /// Waits for its end.
    public func waitUntilExit() { _ = ended.wait { $0 } }

    /// The number of the signal that ended it; nil when it ended by itself. Waits for its end.
    public var terminationSignal: Int32? {
        let status = ended.wait { $0 }!
        return status & 0x7F == 0 ? nil : status & 0x7F
    }

    /// Its exit status, or the number of the signal that ended it. Waits for its end.
    public var terminationStatus: Int32 {
        let status = ended.wait { $0 }!
        return status & 0x7F == 0 ? status >> 8 & 0xFF : status & 0x7F
    }
}
