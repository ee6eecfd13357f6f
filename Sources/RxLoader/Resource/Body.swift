public import RxModel

/// What a request or an answer carries beside its headers.
public enum Body: Sendable {
    /// Nothing (`null`).
    case empty
    /// A JSON value.
    case json(JSON)
    /// Text as it is.
    case text(String)
    /// Bytes in memory.
    case bytes([UInt8])
    /// Bytes that are read when they are wanted, of any number.
    case stream(BodyStream)

    /// The value as JSON: a text is a string, nothing is null; nil for bytes.
    public var json: JSON? {
        switch self {
        case .empty: .null
        case .json(let value): value
        case .text(let text): .string(text)
        case .bytes, .stream: nil
        }
    }

    /// The text of a text, or of a JSON string; nil for everything else.
    public var text: String? {
        switch self {
        case .text(let text): text
        case .json(let value): value.string
        case .empty, .bytes, .stream: nil
        }
    }

    /// Whether there is nothing; the JSON value null is nothing, too.
    public var isEmpty: Bool {
        switch self {
        case .empty, .json(.null): true
        case .json, .text, .bytes, .stream: false
        }
    }
}

/// Bytes that are read from their start each time somebody wants them.
public struct BodyStream: Sendable {
    /// Their number, where it is known.
    public let size: Int?
    private let source: @Sendable () throws -> any ByteSource

    /// Reads what `open` gives.
    public init(size: Int? = nil, open: @escaping @Sendable () throws -> any ByteSource) {
        self.size = size
        source = open
    }

    /// The bytes from the first on. Blocks: not for the cooperative pool (see `BlockingWork`).
    public func open() throws -> any ByteSource { try source() }
}
