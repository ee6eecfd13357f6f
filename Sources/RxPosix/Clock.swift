import Glibc

/// Times as the store and the wire use them.
public enum Clock {
    /// Seconds since 1970.
    public static var now: Int { time(nil) }

    /// Nanoseconds since 1970.
    public static var nanoseconds: Int {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        return moment.tv_sec * 1_000_000_000 + moment.tv_nsec
    }

    /// Nanoseconds since an unknown start, never going back.
    public static var monotonic: Int {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        return moment.tv_sec * 1_000_000_000 + moment.tv_nsec
    }

    /// `2026-01-02T03:04:05Z` (RFC 3339, UTC).
    public static func text(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let year = String(parts.tm_year + 1900)
        let padded = String(repeating: "0", count: max(0, 4 - year.utf8.count)) + year
        return "\(padded)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }
}

/// Names that do not collide.
public enum RandomName {
    /// 32 hexadecimal digits from the system's random source.
    public static func make() -> String {
        var random = SystemRandomNumberGenerator()
        let words = [random.next(), random.next()]
        return words.map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }.joined()
    }
}
