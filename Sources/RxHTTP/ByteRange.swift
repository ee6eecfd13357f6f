/// What a `Range` header asks of a representation whose length is known (RFC 9110, section 14).
public enum ByteRange: Sendable, Equatable {
    /// The whole of it: no range, another unit, several ranges, or a header that breaks the grammar and is ignored.
    case whole
    /// These bytes, answered with 206.
    case part(Range<Int>)
    /// None of it lies inside; answered with 416.
    case unsatisfiable

    /// Reads the header's value for `length` bytes: `bytes=a-b`, `bytes=a-`, `bytes=-n`, clamped to what is there.
    public init(_ header: String?, length: Int) {
        self = header.flatMap { ByteRange.parse($0, length: length) } ?? .whole
    }

    /// `bytes a-b/length` for a part, `bytes */length` for an unsatisfiable range, nil for the whole.
    public func contentRange(length: Int) -> String? {
        switch self {
        case .whole: nil
        case .part(let range): "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
        case .unsatisfiable: "bytes */\(length)"
        }
    }

    /// Nil for what must be ignored.
    private static func parse(_ header: String, length: Int) -> ByteRange? {
        let halves = header.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, HTTPHeaders.same(String(Substring(halves[0])).trimmed, "bytes") else { return nil }
        let set = String(Substring(halves[1])).trimmed
        guard !set.utf8.contains(UInt8(ascii: ",")), let dash = set.utf8.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let first = set[..<dash]
        let last = set[set.utf8.index(after: dash)...]

        if first.isEmpty {
            guard let suffix = position(last) else { return nil }
            guard suffix > 0, length > 0 else { return .unsatisfiable }
            return .part(max(0, length - suffix)..<length)
        }
        guard let start = position(first) else { return nil }
        guard !last.isEmpty else { return start < length ? .part(start..<length) : .unsatisfiable }
        guard let end = position(last) else { return nil }
        return start < length && end >= start ? .part(start..<min(end, length - 1) + 1) : .unsatisfiable
    }

    /// Digits only; a number too large to hold counts as the largest one.
    private static func position(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return Int(text) ?? .max
    }
}
