import RxHTTP

/// Reads the `Link` header of a page of a list. Source: RFC 8288; OCI distribution spec v1.1, "Listing Tags".
enum LinkHeader {
    /// The target of the link whose relation is `next`, as it is written; nil when there is none.
    static func next(_ headers: HTTPHeaders) -> String? {
        for value in headers.values(of: "Link") {
            if let target = links(value).first(where: { $0.relations.contains("next") })?.target { return target }
        }
        return nil
    }

    struct Link: Equatable {
        var target: String
        var relations: [String]
    }

    /// The links of one header line, up to the first thing that is none.
    static func links(_ value: String) -> [Link] {
        var text = FieldReader(value)
        var links: [Link] = []
        while true {
            text.skip(FieldReader.isSpaceOrComma)
            guard text.take(UInt8(ascii: "<")), let target = text.take(upTo: UInt8(ascii: ">")) else { return links }
            var link = Link(target: target, relations: [])
            while text.takeBehindSpace(UInt8(ascii: ";")) {
                text.skip(FieldReader.isSpace)
                let name = text.token().lowercased()
                guard text.takeBehindSpace(UInt8(ascii: "=")) else { continue }
                text.skip(FieldReader.isSpace)
                let value = text.quoted() ?? text.token()
                if name == "rel", link.relations.isEmpty { link.relations = value.lowercased().split(separator: " ").map(String.init) }
            }
            links.append(link)
        }
    }
}

/// Reads a header's value from its front (RFC 9110, section 5.6).
struct FieldReader {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }
    var first: UInt8? { rest.first }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    static func isSpaceOrComma(_ byte: UInt8) -> Bool { isSpace(byte) || byte == UInt8(ascii: ",") }

    mutating func skip(_ condition: (UInt8) -> Bool) { rest = rest.drop(while: condition) }

    /// Takes one byte when it is the next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Takes one byte when it is the next behind white space; else nothing.
    mutating func takeBehindSpace(_ byte: UInt8) -> Bool {
        var next = self
        next.skip(FieldReader.isSpace)
        guard next.take(byte) else { return false }
        self = next
        return true
    }

    /// Takes what comes before a byte, and the byte; nil, and nothing taken, when it does not come.
    mutating func take(upTo byte: UInt8) -> String? {
        guard let end = rest.firstIndex(of: byte) else { return nil }
        defer { rest = rest[rest.index(after: end)...] }
        return String(Substring(rest[..<end]))
    }

    /// Takes a token, or what a sender wrote in its place without quotes; may be empty.
    mutating func token(endedBy ends: String = ",;= \t\"") -> String {
        let ends = Array(ends.utf8)
        let end = rest.firstIndex { ends.contains($0) } ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(Substring(rest[..<end]))
    }

    /// Takes a quoted string and gives its text; nil, and nothing taken, when the next thing is none.
    mutating func quoted() -> String? {
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        var bytes: [UInt8] = []
        var escaped = false
        for index in rest.indices.dropFirst() {
            let byte = rest[index]
            if escaped {
                bytes.append(byte)
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                rest = rest[rest.index(after: index)...]
                return String(decoding: bytes, as: UTF8.self)
            } else {
                bytes.append(byte)
            }
        }
        return nil
    }
}
