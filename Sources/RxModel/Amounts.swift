/// Lengths of time as people write them: a number with `s`, `m`, `h`, `d` or `w`.
public enum TimeSpan {
    private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]

    /// The seconds that a text means; nil for what is no length of time. 0 needs no unit.
    public static func seconds(_ text: String) -> Int? {
        let unit = text.last.flatMap { units[$0] }
        guard let number = Amount.number(unit == nil ? text[...] : text.dropLast()), unit != nil || number == 0 else { return nil }
        return Amount.product(number, unit ?? 1)
    }

    /// A length of time in the largest unit that it is a whole number of: `36h`, `14d`.
    public static func text(_ seconds: Int) -> String {
        let unit = units.filter { $0.key != "w" && seconds % $0.value == 0 }.max { $0.value < $1.value }
        return unit.map { "\(seconds / $0.value)\($0.key)" } ?? "\(seconds)s"
    }
}

/// Numbers of bytes as people write them: a number alone or with `B`, `K`, `M`, `G`, `T`, `KiB`, `MiB`, `GiB`, `TiB` (of 1024) or `KB`, `MB`,
/// `GB`, `TB` (of 1000), in any case.
public enum ByteCount {
    private static let units = [
        "": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
        "tib": 1 << 40,
        "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
    ]

    /// The bytes that a text means; nil for what is no number of bytes, and for one that is too large to count.
    public static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Amount.number(digits), let unit = units[text.dropFirst(digits.count).lowercased()] else { return nil }
        return Amount.product(number, unit)
    }
}

private enum Amount {
    static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return Int(text)
    }

    static func product(_ number: Int, _ unit: Int) -> Int? {
        let (value, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : value
    }
}
