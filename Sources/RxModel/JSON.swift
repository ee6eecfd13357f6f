/// A JSON value (RFC 8259). Numbers keep the text they were written with, so that nothing is lost on the way through.
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The number's own text, already checked against the grammar.
    case number(String)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// A whole number.
    public static func integer(_ value: Int) -> JSON { .number(String(value)) }

    /// The member of an object; nil for another kind of value and for an absent key.
    public subscript(key: String) -> JSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The text of a string, or nil.
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    /// The value of a number that is whole and fits, or nil.
    public var int: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    /// The value of a boolean, or nil.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements of an array, or nil.
    public var array: [JSON]? { if case .array(let values) = self { values } else { nil } }
    /// The members of an object, or nil.
    public var object: [String: JSON]? { if case .object(let members) = self { members } else { nil } }

    /// An object of the members that are not nil.
    public static func members(_ members: KeyValuePairs<String, JSON?>) -> JSON {
        var object: [String: JSON] = [:]
        for (key, value) in members { if let value { object[key] = value } }
        return .object(object)
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
}

/// Where and why a text is not JSON.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public let reason: String
    /// The offset of the byte at fault.
    public let offset: Int

    /// `reason at byte offset`.
    public var description: String { "\(reason) at byte \(offset)" }
}
