import Glibc
import Synchronization

/// Ends a program by SIGINT, SIGTERM or SIGHUP in good order: what would stay behind half made is removed, and steps that must not be seen
/// half done are finished first.
public enum Interruption {
    private struct State {
        var leftovers: [Int: String] = [:]
        var next = 0
        /// Processes that write to what is removed.
        var bound: Set<Int32> = []
    }

    /// The last one comes when a terminal is closed.
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    /// What is added to the name of something that is being removed.
    public static let suffix = ".end"

    private static let state = Mutex(State())
    /// Held while a step runs that must not be seen half done, and by the end of the program.
    private static let gate = Gate()

    /// From now on the first of these signals removes what `cleaning` was told of, runs `last`, and ends the program with 128 and the
    /// signal's number as its exit status; the second one ends it at once. A signal that this program was started to ignore stays
    /// ignored. Call it before any thread.
    public static func watch(_ last: @escaping @Sendable (Int32) -> Void) {
        var set = sigset_t()
        sigemptyset(&set)
        var isEmpty = true
        for number in signals where !isIgnored(number) {
            sigaddset(&set, number)
            isEmpty = false
        }
        guard !isEmpty else { return }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let watched = set
        // The thread lasts as long as the program.
        _ = Thread(stackSize: 256 << 10) {
            var set = watched
            var number: Int32 = 0
            while sigwait(&set, &number) != 0 {}
            for each in signals { signal(each, SIG_DFL) }
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            gate.close()
            endBound()
            for path in state.withLock({ Array($0.leftovers.values) }) { clear(path) }
            last(number)
            _exit(128 + number)
        }
    }

    /// Something that is not to stay behind: while this lives, an interruption removes what is at its path.
    public final class Leftover: Sendable {
        private let number: Int

        /// Says so of a file or folder that may be made from here on.
        public init(_ path: String) {
            number = state.withLock { state in
                state.next += 1
                state.leftovers[state.next] = path
                return state.next
            }
        }

        deinit { _ = state.withLock { $0.leftovers.removeValue(forKey: number) } }
    }

    /// Runs `body`, which makes a file or folder at `path` and then moves or removes it: an interruption removes it.
    public static func cleaning<Value>(_ path: String, _ body: () throws -> Value) rethrows -> Value {
        try withExtendedLifetime(Leftover(path)) { try body() }
    }

    /// Says that a child of this program writes to what an interruption removes: that ends it first. Call it in `finishing`.
    public static func bind(_ process: Int32) { state.withLock { _ = $0.bound.insert(process) } }

    /// Says that it has ended. Call it before its end is taken note of (wait(2)): after that its number may be another's.
    public static func release(_ process: Int32) { state.withLock { _ = $0.bound.remove(process) } }

    /// Kills the children that were bound, and waits until they are dead.
    private static func endBound() {
        let processes = state.withLock { state in
            for process in state.bound { kill(process, SIGKILL) }
            return state.bound
        }
        for process in processes {
            var info = siginfo_t()
            while waitid(P_PID, UInt32(process), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        }
    }

    /// Runs a short step that nobody should see half done: an interruption waits for its end, and none begins after one.
    public static func finishing<Value>(_ body: () throws -> Value) rethrows -> Value {
        gate.enter()
        defer { gate.leave() }
        return try body()
    }

    /// Returns at once, or never when the program is being ended: what goes wrong because of that is not worth telling.
    public static func settle() { finishing {} }

    /// Removes a file, or a folder that others may still write into: under another name they do not find it any more.
    private static func clear(_ path: String) {
        let aside = "\(path)\(suffix)"
        guard rename(path, aside) == 0 else { return }
        for _ in 0..<10 where (try? Files.removeTree(aside)) == nil {}
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var present = sigaction()
        guard sigaction(number, nil, &present) == 0 else { return false }
        return unsafeBitCast(present.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}

/// Lets any number through together until it is closed; then nobody, once those inside have left.
private final class Gate: Sendable {
    private let state = Monitor((inside: 0, isClosed: false))

    func enter() {
        _ = state.wait { state -> Bool? in
            guard !state.isClosed else { return nil }
            state.inside += 1
            return true
        }
    }

    func leave() { state.update { $0.inside -= 1 } }

    func close() {
        state.update { $0.isClosed = true }
        _ = state.wait { $0.inside == 0 ? true : nil }
    }
}
