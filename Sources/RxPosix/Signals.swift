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

    /// Runs `body` while the signals that a user or the system ends a program with are held back from this thread: one that comes is
    /// pending, and ends the program when `body` has returned or thrown.
    public static func holdingBack<Result>(_ body: () throws -> Result) rethrows -> Result {
        var (set, before) = (endSet(), sigset_t())
        for number in [SIGHUP, SIGQUIT] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return try body()
    }

    /// Whether a signal that is held back has come.
    public static var isPending: Bool {
        var set = sigset_t()
        sigpending(&set)
        return [SIGTERM, SIGINT, SIGHUP, SIGQUIT].contains { sigismember(&set, $0) == 1 }
    }

    /// Whether this program was started to take no notice of a signal, or was made to.
    static func isIgnored(_ number: Int32) -> Bool {
        var present = sigaction()
        guard sigaction(number, nil, &present) == 0 else { return false }
        return unsafeBitCast(present.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    private static func endSet() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
