import Glibc
import RxHTTP
import RxModel

/// Decides how often, and after which pause, something is tried again.
struct Patience {
    private let limits: DistributionClient.Limits
    private var failures = 0

    init(_ limits: DistributionClient.Limits) { self.limits = limits }

    /// More bytes than ever before have moved.
    mutating func progressed() { failures = 0 }

    /// The seconds to wait before the next attempt after an error; nil when it is final. A connection that was never made is final,
    /// one that is not made again after it broke is not.
    mutating func pause(after error: any Error) -> Double? {
        guard let error = error as? RegistryError else { return nil }
        if error.cause is AuthenticationRenewed { return fail() == nil ? nil : 0 }
        guard let failure = error.cause as? HTTPFailure else { return nil }
        switch failure.reason {
        case .interrupted, .stalled: return fail()
        case .refused, .connectTimeout, .unresolved: return failures > 0 ? fail() : nil
        case .tls, .invalidURL: return nil
        }
    }

    /// The seconds to wait before the next attempt after an answer; nil when it is final. A registry says with 429 or 503, and
    /// `Retry-After`, that it is busy (RFC 6585; RFC 9110, section 10.2.3); 502 and 504 come from a proxy before it.
    mutating func pause(after head: ResponseHead) -> Double? {
        guard [429, 502, 503, 504].contains(head.status), let pause = fail() else { return nil }
        guard let asked = head.headers["Retry-After"].flatMap({ Int($0) }) else { return pause }
        return asked > limits.longestPause ? nil : max(Double(asked), pause)
    }

    /// Counts an attempt that moved nothing; the seconds to wait before the next, or nil when it was the last.
    mutating func fail() -> Double? {
        failures += 1
        guard failures < limits.attempts else { return nil }
        return limits.pause * Double(1 << (failures - 1))
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
