extension JSON {
    /// The value's one canonical text: no white space, members in the order of their keys' UTF-8 bytes, only what must be escaped
    /// is escaped, numbers as they were written. The same value gives the same bytes. Source: Specs/02-definition, after RFC 8785.
    public var canonical: [UInt8] {
        var out: [UInt8] = []
        write(into: &out, indent: nil, level: 0)
        return out
    }

    /// The canonical text of an object with more members, whose values are canonical texts already: a list of many elements is
    /// written one by one (`list`) and never held as values.
    package func canonical(with texts: [String: [UInt8]]) -> [UInt8] {
        var members: [(key: String, write: (inout [UInt8]) -> Void)] = (object ?? [:]).map { key, value in
            (key, { value.write(into: &$0, indent: nil, level: 0) })
        }
        members += texts.map { key, text in (key, { $0 += text }) }
        members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        var out: [UInt8] = []
        out.reserveCapacity(texts.values.reduce(4096) { $0 + $1.count })
        JSON.list(members, "{", "}", into: &out, indent: nil, level: 0) { member, out in
            JSON.quote(member.key, into: &out)
            out.append(UInt8(ascii: ":"))
            member.write(&out)
        }
        return out
    }

    /// The canonical text of an array, of which one element is held at a time.
    package static func list<Element>(_ elements: [Element], _ value: (Element) -> JSON) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(elements.count * 192)
        list(elements, "[", "]", into: &out, indent: nil, level: 0) { element, out in
            value(element).write(into: &out, indent: nil, level: 0)
        }
        return out
    }

    /// The canonical text as a string.
    public var text: String { String(decoding: canonical, as: UTF8.self) }

    /// The value for people: members sorted, two spaces a level.
    public var pretty: String {
        var out: [UInt8] = []
        write(into: &out, indent: 2, level: 0)
        return String(decoding: out, as: UTF8.self)
    }

    private func write(into out: inout [UInt8], indent: Int?, level: Int) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): out.append(contentsOf: text.utf8)
        case .string(let text): JSON.quote(text, into: &out)
        case .array(let values):
            JSON.list(values, "[", "]", into: &out, indent: indent, level: level) { value, out in
                value.write(into: &out, indent: indent, level: level + 1)
            }
        case .object(let members):
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            JSON.list(sorted, "{", "}", into: &out, indent: indent, level: level) { member, out in
                JSON.quote(member.key, into: &out)
                out.append(UInt8(ascii: ":"))
                if indent != nil { out.append(UInt8(ascii: " ")) }
                member.value.write(into: &out, indent: indent, level: level + 1)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ open: Unicode.Scalar, _ close: Unicode.Scalar, into out: inout [UInt8], indent: Int?, level: Int,
        _ write: (Element, inout [UInt8]) -> Void
    ) {
        out.append(UInt8(ascii: open))
        for (index, element) in elements.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            newLine(into: &out, indent: indent, level: level + 1)
            write(element, &out)
        }
        if !elements.isEmpty { newLine(into: &out, indent: indent, level: level) }
        out.append(UInt8(ascii: close))
    }

    private static func newLine(into out: inout [UInt8], indent: Int?, level: Int) {
        guard let indent else { return }
        out.append(UInt8(ascii: "\n"))
        out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
    }

    private static func quote(_ text: String, into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x08: out.append(contentsOf: "\\b".utf8)
            case 0x09: out.append(contentsOf: "\\t".utf8)
            case 0x0A: out.append(contentsOf: "\\n".utf8)
            case 0x0C: out.append(contentsOf: "\\f".utf8)
            case 0x0D: out.append(contentsOf: "\\r".utf8)
            case 0..<0x20: out.append(contentsOf: "\\u00\(Hex.text(CollectionOfOne(byte)))".utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
