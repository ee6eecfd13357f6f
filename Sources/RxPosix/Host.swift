import CPosix
import Glibc

/// What a program wants to know of the machine and process it runs in.
public enum Host {
    /// The number of processors that may be used.
    public static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Lets all threads share one heap. Each heap of its own keeps the memory of the largest piece of work it ever did, and a server
    /// has many threads. Call it before the first thread.
    public static func shareHeap() { rx_share_heap() }

    /// The value of an environment variable; nil when it is not set.
    public static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The home folder of the user.
    public static var home: String { environment("HOME") ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/" }

    /// Whether a descriptor is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Writes text to standard error, all of it or as much as can be.
    public static func writeError(_ text: String) { write(text, to: 2) }

    /// Writes text to standard output.
    public static func writeOutput(_ text: String) { write(text, to: 1) }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                if count > 0 { offset += count } else if errno != EINTR { return }
            }
        }
    }
}
