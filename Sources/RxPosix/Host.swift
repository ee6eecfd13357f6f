import CPosix
import Glibc

/// What a program wants to know of the machine and process it runs in.
public enum Host {
    /// Gives memory that is free but was kept back to the system.
    public static func trimHeap() { rx_trim_heap() }

    /// The number of processors that may be used.
    public static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Lets all threads share one heap. Each heap of its own keeps the memory of the largest piece of work it ever did, and a server, like
    /// a transfer, has many threads. Call it before the first thread.
    public static func shareHeap() { rx_share_heap() }

    /// Which run of the machine this is: another number after each start, and never 0. Nil where the system does not say (random(4)), or where
    /// a container has an identity of its own there, which changes while the machine runs.
    public static var boot: UInt64? { boot("/proc/sys/kernel/random/boot_id") }

    static func boot(_ path: String) -> UInt64? {
        guard FileSystem.isKernel(path), let text = try? Files.read(path, limit: 64) else { return nil }
        let digits = text.prefix { $0 != UInt8(ascii: "\n") }.filter { $0 != UInt8(ascii: "-") }
        guard let number = UInt64(String(decoding: digits.prefix(16), as: UTF8.self), radix: 16), number != 0 else { return nil }
        return number
    }

    /// The value of an environment variable; nil when it is not set.
    public static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Whether an environment variable is absent or UTF-8.
    public static func isText(_ name: String) -> Bool { getenv(name).map { String(validatingCString: $0) != nil } ?? true }

    /// The words behind the program's name; nil for one that is not UTF-8.
    public static var arguments: [String?] {
        (1..<max(1, Int(CommandLine.argc))).map { index in CommandLine.unsafeArgv[index].flatMap { String(validatingCString: $0) } }
    }

    /// Opens what is closed of standard input, output and error, so that no file is ever opened under their numbers. Using one of
    /// them still fails. Call it first.
    public static func holdStandardDescriptors() {
        for number: Int32 in 0...2 where fcntl(number, F_GETFD) == -1 { _ = open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY) }
    }

    /// The home folder of the user; an empty `HOME` counts as unset.
    public static var home: String {
        if let home = environment("HOME"), !home.isEmpty { return home }
        return getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/"
    }

    /// Whether a descriptor is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The width of a terminal in characters; 80 where it does not say.
    public static func terminalColumns(_ descriptor: Int32) -> Int {
        let columns = Int(rx_terminal_columns(descriptor))
        return columns > 0 ? columns : 80
    }

    /// Writes text to standard error, all of it or as much as can be.
    public static func writeError(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = write(2, bytes.baseAddress! + offset, bytes.count - offset)
                if count > 0 { offset += count } else if errno != EINTR { return }
            }
        }
    }

    /// Ends the process with this status, as it is: a thread that nobody waits for may still be at work, and what `exit` calls would take
    /// the libraries away under it (atexit(3)). What has to be removed or written was, before.
    public static func end(_ status: Int32) -> Never { _exit(status) }

    /// Writes text to standard output. Throws `PosixError` when not all of it can be written.
    public static func writeOutput(_ text: String) throws(PosixError) { try FileDescriptor.standardOutput.write(Array(text.utf8)) }
}
