import Glibc
import RxModel

/// The text of the log's lines. Everything a client chose is escaped, so that no line can look like two or steer a terminal.
enum AccessLine {
    /// A target longer than this is cut.
    private static let targetLimit = 2048

    static func json(_ entry: AccessLog.Entry, stamp: [UInt8], milliseconds: Int, into out: inout [UInt8]) {
        begin(stamp, milliseconds, into: &out)
        add(",\"method\":\"", into: &out)
        escape(entry.method, into: &out)
        add("\",\"path\":\"", into: &out)
        escape(entry.path, into: &out)
        add("\",\"status\":", into: &out)
        out.append(contentsOf: String(entry.status).utf8)
        add(",\"bytes\":", into: &out)
        out.append(contentsOf: String(entry.bytes).utf8)
        add(",\"ms\":", into: &out)
        addMilliseconds(entry.nanoseconds, into: &out)
        add(",\"id\":\"", into: &out)
        escape(entry.id, into: &out)
        add(entry.aborted ? "\",\"aborted\":true}\n" : "\"}\n", into: &out)
    }

    static func human(_ entry: AccessLog.Entry, into out: inout [UInt8]) {
        clock(into: &out)
        escape(entry.method, into: &out)
        out.append(UInt8(ascii: " "))
        escape(entry.path, into: &out)
        out.append(contentsOf: " \(entry.status) \(entry.bytes)B ".utf8)
        addMilliseconds(entry.nanoseconds, into: &out)
        add("ms ", into: &out)
        escape(entry.id, into: &out)
        add(entry.aborted ? " (aborted)\n" : "\n", into: &out)
    }

    static func problem(_ message: String, id: String, stamp: [UInt8], milliseconds: Int, human: Bool, into out: inout [UInt8]) {
        if human {
            clock(into: &out)
            add("error: ", into: &out)
            escape(message, into: &out)
            out.append(UInt8(ascii: " "))
            escape(id, into: &out)
            out.append(UInt8(ascii: "\n"))
        } else {
            begin(stamp, milliseconds, into: &out)
            add(",\"level\":\"error\",\"message\":\"", into: &out)
            escape(message, into: &out)
            add("\",\"id\":\"", into: &out)
            escape(id, into: &out)
            add("\"}\n", into: &out)
        }
    }

    static func event(_ message: String, _ members: JSON, stamp: [UInt8], milliseconds: Int, human: Bool, into out: inout [UInt8]) {
        if human {
            clock(into: &out)
            escape(message, into: &out)
            out.append(UInt8(ascii: "\n"))
        } else {
            begin(stamp, milliseconds, into: &out)
            add(",\"event\":\"", into: &out)
            escape(message, into: &out)
            add("\",\"report\":", into: &out)
            out.append(contentsOf: members.text.utf8)
            add("}\n", into: &out)
        }
    }

    private static func begin(_ stamp: [UInt8], _ milliseconds: Int, into out: inout [UInt8]) {
        add("{\"time\":\"", into: &out)
        out.append(contentsOf: stamp)
        out.append(UInt8(ascii: "."))
        for power in [100, 10, 1] { out.append(UInt8(ascii: "0") + UInt8(milliseconds / power % 10)) }
        add("Z\"", into: &out)
    }

    private static func clock(into out: inout [UInt8]) {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        for (index, part) in [parts.tm_hour, parts.tm_min, parts.tm_sec].enumerated() {
            if index > 0 { out.append(UInt8(ascii: ":")) }
            out.append(UInt8(ascii: "0") + UInt8(part / 10))
            out.append(UInt8(ascii: "0") + UInt8(part % 10))
        }
        out.append(UInt8(ascii: " "))
    }

    /// Milliseconds with three decimals, without trailing zeros.
    private static func addMilliseconds(_ nanoseconds: Int, into out: inout [UInt8]) {
        let micros = max(0, nanoseconds) / 1000
        out.append(contentsOf: String(micros / 1000).utf8)
        var rest = micros % 1000
        guard rest > 0 else { return }
        out.append(UInt8(ascii: "."))
        for power in [100, 10, 1] where rest > 0 {
            out.append(UInt8(ascii: "0") + UInt8(rest / power))
            rest %= power
        }
    }

    private static func add(_ text: StaticString, into out: inout [UInt8]) {
        out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Printable ASCII as it is, but quote and backslash escaped; other scalars as `\u` units, which JSON and people can read.
    private static func escape(_ text: String, into out: inout [UInt8]) {
        var text = text
        let plain = text.withUTF8 { bytes in
            guard bytes.count <= targetLimit else { return false }
            for byte in bytes where byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            out.append(contentsOf: bytes)
            return true
        }
        if !plain { escapeUnits(text, into: &out) }
    }

    private static func escapeUnits(_ text: String, into out: inout [UInt8]) {
        var left = targetLimit
        for unit in text.utf16 {
            left -= 1
            guard left >= 0 else { return add("...", into: &out) }
            switch unit {
            case 0x22: add("\\\"", into: &out)
            case 0x5C: add("\\\\", into: &out)
            case 0x20..<0x7F: out.append(UInt8(unit))
            default:
                add("\\u", into: &out)
                out.append(contentsOf: Hex.text([UInt8(unit >> 8), UInt8(unit & 0xFF)]).utf8)
            }
        }
    }
}
