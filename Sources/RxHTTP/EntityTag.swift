/// An entity tag (RFC 9110, section 8.8.3).
public struct EntityTag: Sendable, Equatable, CustomStringConvertible {
    /// The characters between the quotes.
    public let value: String
    /// Whether it is written `W/"..."`.
    public let weak: Bool

    /// Makes a tag; `value` must hold no quote.
    public init(_ value: String, weak: Bool = false) {
        self.value = value
        self.weak = weak
    }

    /// The tag as a header writes it.
    public var description: String { weak ? "W/\"\(value)\"" : "\"\(value)\"" }

    /// Whether an `If-None-Match` value holds this tag, so that the answer is 304. Weak comparison; `*` matches everything.
    public func matches(ifNoneMatch header: String?) -> Bool {
        guard let header else { return false }
        if header.trimmed == "*" { return true }
        return EntityTag.list(header).contains { $0.value == value }
    }

    /// Whether a `Range` may be honoured under this `If-Range` value: strong comparison; a date never matches, absence always does.
    public func allows(ifRange header: String?) -> Bool {
        guard let header else { return true }
        let tags = EntityTag.list(header.trimmed)
        return tags.count == 1 && !weak && tags[0] == self
    }

    /// The tags of a comma-separated list; reading stops at the first thing that is not a tag.
    static func list(_ text: String) -> [EntityTag] {
        var tags: [EntityTag] = []
        var rest = text.utf8[...]
        while true {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == UInt8(ascii: ",") }
            let weak = rest.starts(with: "W/\"".utf8)
            if weak { rest = rest.dropFirst(2) }
            guard rest.first == UInt8(ascii: "\"") else { return tags }
            rest = rest.dropFirst()
            guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return tags }
            tags.append(EntityTag(String(Substring(rest[..<end])), weak: weak))
            rest = rest[rest.index(after: end)...]
        }
    }
}
