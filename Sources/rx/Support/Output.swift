import RxModel
import RxPosix
import RxProtocol
import RxStore

/// What commands print: text for people, or one JSON value with `--json`.
struct Output {
    private let json: Bool

    init(_ invocation: Invocation) { json = invocation.has(.json) }

    /// Prints `value` with `--json`, else the text and a newline.
    ///
    /// Throws `PosixError` when it cannot be written.
    func print(_ value: @autoclosure () -> JSON, _ text: @autoclosure () -> String) throws {
        try Host.writeOutput((json ? value().pretty : Output.visible(text(), keeping: "\n\t")) + "\n")
    }

    /// The text with its control characters (C0, DEL, C1), but those to keep, written as JSON escapes: what others wrote never moves
    /// a cursor, changes a colour or begins a line.
    static func visible(_ text: String, keeping kept: String = "") -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case _ where scalar.properties.generalCategory != .control || kept.unicodeScalars.contains(scalar): out.append(scalar)
            case "\n": out.append(contentsOf: "\\n".unicodeScalars)
            case "\r": out.append(contentsOf: "\\r".unicodeScalars)
            case "\t": out.append(contentsOf: "\\t".unicodeScalars)
            default: out.append(contentsOf: "\\u00\(Hex.text(CollectionOfOne(UInt8(scalar.value))))".unicodeScalars)
            }
        }
        return String(out)
    }

    /// The length of some bytes for people: `512 B`, `1.4 MiB`.
    static func bytes(_ count: Int) -> String { "\(amount(count, in: unit(count))) \(units[unit(count)])" }

    /// Some bytes of more, in the unit of those: `0.5/1.4 MiB`.
    static func bytes(_ count: Int, of total: Int) -> String {
        "\(amount(count, in: unit(total)))/\(amount(total, in: unit(total))) \(units[unit(total)])"
    }

    private static let units = ["B", "KiB", "MiB", "GiB", "TiB"]

    private static func unit(_ count: Int) -> Int {
        units.indices.last { count >> (10 * $0) > 0 } ?? 0
    }

    private static func amount(_ count: Int, in unit: Int) -> String {
        guard unit > 0 else { return "\(count)" }
        let tenths = Int((Double(count) / Double(1 << (10 * unit)) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// `1 resource`, `2 resources`.
    static func count(_ count: Int, _ word: String) -> String { "\(number(count)) \(word)\(count == 1 ? "" : "s")" }

    /// `1 copy`, `2 copies`.
    static func count(_ count: Int, _ word: String, _ plural: String) -> String { "\(number(count)) \(count == 1 ? word : plural)" }

    /// A time (seconds since 1970) as RFC 3339 writes it.
    static func time(_ seconds: Int) -> String { Timestamp.text(seconds) }

    /// `9,997`.
    static func number(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var at = digits.endIndex
        while digits.distance(from: digits.startIndex, to: at) > 3 {
            at = digits.index(at, offsetBy: -3)
            digits.insert(",", at: at)
        }
        return value < 0 ? "-\(digits)" : digits
    }
}

extension ResourceRecord {
    /// Whether it is no resource of rx, but another artifact.
    var isForeign: Bool { !isResource }

    /// The text of one of its times; nil for one that its registry does not tell.
    func time(_ seconds: Int) -> String? { seconds == 0 ? nil : Timestamp.text(seconds) }

    /// The members that every command shows of a resource.
    var summary: JSON {
        let locator = reference.locator
        return .members([
            "locator": .string(locator.description), "registry": locator.registry.map { .string($0) },
            "path": locator.path.map { .string($0) },
            "name": .string(locator.name), "type": .string(definition.type), "tag": .string(locator.tag),
            "digest": .string(tree.description),
            "manifestDigest": .string(manifestDigest.description), "size": .integer(size), "fileCount": .integer(fileCount),
            "mediaType": isForeign ? .string(mediaType) : nil, "artifactType": isForeign ? artifactType.map { .string($0) } : nil,
            "createdAt": time(createdAt).map { .string($0) }, "updatedAt": time(updatedAt).map { .string($0) },
            "description": definition.description.map { .string($0) },
        ])
    }
}

/// Lines of aligned columns; a cell is one line, whatever it holds.
struct Table {
    private var rows: [[String]] = []

    mutating func add(_ cells: String...) { rows.append(cells.map { Output.visible($0) }) }

    var text: String {
        guard let columns = rows.map(\.count).max() else { return "" }
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in index == row.count - 1 ? cell : Help.padded(cell, widths[index]) }
            return "  " + cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
