import RxModel

/// A value bound to a statement's parameter.
enum SQLValue {
    case null
    case integer(Int)
    case text(String)
    case blob([UInt8])

    static func digest(_ digest: Digest) -> SQLValue { .blob(digest.bytes) }

    /// Whether it is a blob, such as a manifest of thousands of files, that is worth not copying.
    var isLong: Bool { if case .blob(let bytes) = self { bytes.count > 64 << 10 } else { false } }
}

extension SQLValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    init(integerLiteral value: Int) { self = .integer(value) }
    init(stringLiteral value: String) { self = .text(value) }
}
