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
}

/// Names that do not collide.
public enum RandomName {
    /// A random UUID (RFC 9562, section 5.4), in lower case.
    public static func uuid() -> String {
        var digits = Array(make().utf8)
        digits[12] = UInt8(ascii: "4")
        digits[16] = Array("89ab".utf8)[Int(digits[16]) & 3]
        for at in [8, 13, 18, 23] { digits.insert(UInt8(ascii: "-"), at: at) }
        return String(decoding: digits, as: UTF8.self)
    }

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
