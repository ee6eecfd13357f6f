import Glibc

/// Signals that end a program, taken one at a time by a thread that waits for them.
public enum Signals {
    /// A closed connection or pipe is an error of the write, never a signal that ends the process.
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Blocks SIGTERM and SIGINT in this thread and those it starts, so that `waitForEnd` gets them. Call it before any thread.
    public static func holdEnd() {
        var set = endSet()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for SIGTERM or SIGINT and gives its number.
    public static func waitForEnd() -> Int32 {
        var set = endSet()
        var received: Int32 = 0
        while sigwait(&set, &received) != 0 {}
        return received
    }

    private static func endSet() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
