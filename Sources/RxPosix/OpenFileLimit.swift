import Glibc
import Synchronization

/// How many files the process may have open: a server raises that for itself, and not for the programs that it starts.
public enum OpenFileLimit {
    private static let kind = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    // Held while the limit is changed: a server may be started while a program is.
    private static let started = Mutex<rlimit?>(nil)

    /// Remembers it as it is now, for programs.
    static func note() {
        var limit = rlimit()
        if getrlimit(kind, &limit) == 0 { started.withLock { $0 = limit } }
    }

    /// Raises it as far as the system allows and gives it.
    public static func raise() -> Int {
        started.withLock { _ in
            var limit = rlimit()
            guard getrlimit(kind, &limit) == 0 else { return 1024 }
            if limit.rlim_cur < limit.rlim_max {
                limit.rlim_cur = min(limit.rlim_max, 1 << 20)
                _ = setrlimit(kind, &limit)
                _ = getrlimit(kind, &limit)
            }
            return Int(clamping: limit.rlim_cur)
        }
    }

    /// Runs `body` with the limit that was remembered.
    static func asStarted<Value>(_ body: () -> Value) -> Value {
        started.withLock { started in
            var raised = rlimit()
            guard var limit = started, getrlimit(kind, &raised) == 0 else { return body() }
            _ = setrlimit(kind, &limit)
            defer { _ = setrlimit(kind, &raised) }
            return body()
        }
    }
}
