import Glibc
import RxHTTP
import RxModel
import RxPosix

/// Decides how often, and after which pause, one thing is tried again.
struct Patience {
    private let policy: RetryPolicy
    private let gate: TransferGate?
    private let wasThere: @Sendable () -> Bool
    private var hasAnswered = false
    private var failures = 0
    private var startedAt = Clock.monotonic

    /// Begins with the first attempt. `gate` is told of what speaks for fewer transfers at once; `wasThere` says whether the server has
    /// answered anything by now.
    init(_ policy: RetryPolicy, gate: TransferGate? = nil, wasThere: @escaping @Sendable () -> Bool = { false }) {
        self.policy = policy
        self.gate = gate
        self.wasThere = wasThere
    }

    /// More bytes than ever before have moved.
    mutating func progressed() {
        failures = 0
        startedAt = Clock.monotonic
    }

    /// Bytes have moved; how many of them arrived is not known yet. It is no time that was spent in vain.
    mutating func moved() { startedAt = Clock.monotonic }

    /// The seconds to wait before the next attempt after an error; nil when it is final. A connection to who was never there is final:
    /// such an error is told at once.
    mutating func pause(after error: any Error) -> Double? {
        guard let error = error as? RegistryError else { return nil }
        if error.cause is AuthenticationRenewed { return fail() == nil ? nil : 0 }
        guard let failure = error.cause as? HTTPFailure else { return nil }
        switch failure.reason {
        case .stalled:
            gate?.congested()
            return fail()
        case .interrupted: return fail()
        case .refused, .connectTimeout, .unresolved:
            if failure.reason == .connectTimeout { gate?.congested() }
            return failures > 0 || hasAnswered || wasThere() ? fail() : nil
        case .tls, .invalidURL: return nil
        }
    }

    /// The seconds to wait before the next attempt after an answer; nil when it is final. A server says by its status, and by
    /// `Retry-After`, that it is busy (RFC 6585; RFC 9110, section 10.2.3); 502 and 504 come from a proxy before it.
    mutating func pause(after head: ResponseHead) -> Double? {
        hasAnswered = true
        guard RetryPolicy.passingStatuses.contains(head.status) else { return nil }
        gate?.congested()
        guard let pause = fail() else { return nil }
        guard let asked = head.headers["Retry-After"].flatMap(Patience.seconds) else { return pause }
        return asked > policy.longestPause ? nil : max(Double(asked), pause)
    }

    /// Reads `Retry-After`: seconds, or a date.
    static func seconds(_ text: String) -> Int? {
        Int(text) ?? HTTPDate.seconds(text, now: Clock.now).map { max(0, $0 - Clock.now) }
    }

    /// Counts an attempt that moved nothing; the seconds to wait before the next, or nil when it was the last.
    private mutating func fail() -> Double? {
        failures += 1
        let pause = policy.pause(after: failures)
        let end = startedAt + policy.deadline * 1_000_000_000
        guard failures < policy.attempts, Clock.monotonic + Int(pause * 1e9) < end else { return nil }
        return pause
    }

    static func wait(_ seconds: Double) {
        guard seconds > 0 else { return }
        var asked = timespec(tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
        var left = timespec()
        while nanosleep(&asked, &left) == -1, errno == EINTR { asked = left }
    }
}

/// Why an answer did not come: the proof of who asks was not good any more and has been renewed, but what was sent is a stream that has
/// been read. Who sends it again succeeds.
struct AuthenticationRenewed: Error {}
