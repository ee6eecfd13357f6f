/// The fields of a message, in the order they came; names compare without case (RFC 9110, section 5.1).
public struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// One field line.
    public struct Field: Sendable, Equatable {
        /// The name as it was written.
        public let name: String
        /// The value without white space around it.
        public let value: String

        /// Makes a field line.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Every field line, in order.
    public private(set) var fields: [Field]

    /// Starts with these fields.
    public init(_ fields: [Field] = []) { self.fields = fields }

    /// Starts with these names and values.
    public init(dictionaryLiteral elements: (String, String)...) { fields = elements.map { Field($0.0, $0.1) } }

    /// The value of a field; several lines of one name are joined by `, `. Setting replaces all lines of that name, nil removes them.
    public subscript(name: String) -> String? {
        get {
            var joined: String?
            for field in fields where HTTPHeaders.same(field.name, name) { joined = joined.map { "\($0), \(field.value)" } ?? field.value }
            return joined
        }
        set {
            fields.removeAll { HTTPHeaders.same($0.name, name) }
            if let newValue { fields.append(Field(name, newValue)) }
        }
    }

    /// The values of every line of a name, in order.
    public func values(of name: String) -> [String] { fields.compactMap { HTTPHeaders.same($0.name, name) ? $0.value : nil } }

    /// Adds a line and keeps those of the same name.
    public mutating func append(_ name: String, _ value: String) { fields.append(Field(name, value)) }

    /// Whether a comma-separated field holds a token, without case: `Connection: keep-alive, Close` holds `close`.
    public func contains(_ token: String, in name: String) -> Bool {
        values(of: name).contains { value in
            value.utf8.split(separator: UInt8(ascii: ",")).contains { HTTPHeaders.same(String(Substring($0)).trimmed, token) }
        }
    }

    /// ASCII without case, as field names and most tokens compare.
    package static func same(_ a: String, _ b: String) -> Bool {
        guard a.utf8.count == b.utf8.count else { return false }
        return zip(a.utf8, b.utf8).allSatisfy { $0 == $1 || lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte }
}

extension String {
    /// The text without spaces and tabs at its ends (RFC 9110, OWS).
    package var trimmed: String {
        let space: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        guard let start = utf8.firstIndex(where: { !space($0) }), let end = utf8.lastIndex(where: { !space($0) }) else { return "" }
        return String(self[start...end])
    }
}
