import Glibc
import RxHTTP
import RxModel

/// Reads multipart/form-data (RFC 7578, RFC 2046) in pieces of any size, holding only a part's head in memory.
///
/// The library's own reader is not used: it wants a connection, and refuses what clients really send (parameters after the
/// boundary, an epilogue, `filename*`, names without quotes, a head without a space after its colon).
struct MultipartReader {
    /// What was read.
    enum Event {
        case partBegan(Part)
        case content(UnsafeRawBufferPointer)
        case partEnded
    }

    /// A part's head.
    struct Part: Equatable {
        /// The field's name; nil when the part has none.
        let name: String?
        /// Whether it was sent as a file.
        let isFile: Bool
    }

    private enum State { case preamble, delimiterLine, head, content, end }

    /// The longest head of a part, and the longest line after a boundary.
    private static let headLimit = 16 << 10

    /// `CR LF - - boundary`: its only CR is its first byte, so a failed match can begin again only at the byte that failed.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// How much of the delimiter ended the last piece. The first boundary may come without a line break before it.
    private var matched = 2
    private var line: [UInt8] = []

    /// Takes the boundary from a Content-Type. Throws `RegistryError`: 415 for another type, 400 for a boundary that breaks the rules.
    init(contentType: String?) throws(RegistryError) {
        let value = HeaderValue(contentType ?? "")
        guard HTTPHeaders.same(value.main, "multipart/form-data") else {
            throw RegistryError(
                "the body must be multipart/form-data", code: .unsupportedType,
                hint: "send the parts locator, manifest and content as a form with files")
        }
        guard let boundary = value.parameters["boundary"], 1...70 ~= boundary.utf8.count,
            boundary.utf8.allSatisfy({ 0x20...0x7E ~= $0 }), boundary.utf8.last != 0x20
        else { throw RegistryError("the multipart boundary must be 1 to 70 printable characters", code: .invalidRequest) }
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// Whether the last boundary was read.
    var isComplete: Bool { state == .end }

    /// Takes the next bytes. Throws `RegistryError` when they are not multipart, and whatever `event` throws.
    mutating func read(_ bytes: UnsafeRawBufferPointer, _ event: (Event) throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .preamble: if let next = try content(rest, { _ in }) { (rest, state) = (next, .delimiterLine) } else { return }
            case .content:
                guard let next = try content(rest, { if !$0.isEmpty { try event(.content($0)) } }) else { return }
                try event(.partEnded)
                (rest, state) = (next, .delimiterLine)
            case .delimiterLine: if let next = try delimiterLine(rest) { rest = next } else { return }
            case .head: if let next = try head(rest, event) { rest = next } else { return }
            case .end: return
            }
        }
    }

    /// Passes content on up to the delimiter and gives what follows it; nil when the piece ends before.
    private mutating func content(_ bytes: UnsafeRawBufferPointer, _ pass: (UnsafeRawBufferPointer) throws -> Void) throws
        -> UnsafeRawBufferPointer?
    {
        if matched > 0 {
            let more = matchLength(bytes[...])
            if matched + more == delimiter.count {
                matched = 0
                return UnsafeRawBufferPointer(rebasing: bytes[more...])
            }
            guard more < bytes.count else {
                matched += more
                return nil
            }
            // What looked like the delimiter's beginning was content.
            let held = Array(delimiter[..<(matched + more)])
            matched = 0
            if state == .content { try held.withUnsafeBytes(pass) }
            return try content(UnsafeRawBufferPointer(rebasing: bytes[more...]), pass)
        }
        var at = 0
        while let found = memchr(bytes.baseAddress! + at, 0x0D, bytes.count - at) {
            let start = found - UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
            let count = matchLength(bytes[start...])
            if count == delimiter.count {
                try pass(UnsafeRawBufferPointer(rebasing: bytes[..<start]))
                return UnsafeRawBufferPointer(rebasing: bytes[(start + count)...])
            }
            if start + count == bytes.count {
                try pass(UnsafeRawBufferPointer(rebasing: bytes[..<start]))
                matched = count
                return nil
            }
            at = start + 1
        }
        try pass(bytes)
        return nil
    }

    /// How many bytes continue the delimiter from where it stands.
    private func matchLength(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        var count = 0
        for byte in bytes {
            guard matched + count < delimiter.count, byte == delimiter[matched + count] else { break }
            count += 1
        }
        return count
    }

    /// The rest of a boundary's line: `--` ends everything, white space is skipped.
    private mutating func delimiterLine(_ bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        for (offset, byte) in bytes.enumerated() {
            line.append(byte)
            if line.count == 2, line.elementsEqual("--".utf8) {
                line = []
                state = .end
                return UnsafeRawBufferPointer(rebasing: bytes[(offset + 1)...])
            }
            guard byte == 0x0A else {
                guard line.count < MultipartReader.headLimit else { throw broken("a boundary's line is too long") }
                continue
            }
            guard line.dropLast().allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { throw broken("text follows a boundary") }
            line = []
            state = .head
            return UnsafeRawBufferPointer(rebasing: bytes[(offset + 1)...])
        }
        return nil
    }

    private mutating func head(_ bytes: UnsafeRawBufferPointer, _ event: (Event) throws -> Void) throws -> UnsafeRawBufferPointer? {
        for (offset, byte) in bytes.enumerated() {
            line.append(byte)
            guard line.count < MultipartReader.headLimit else {
                throw broken("the head of a part is longer than \(MultipartReader.headLimit) bytes")
            }
            guard byte == 0x0A, let lines = MultipartReader.lines(line) else { continue }
            line = []
            state = .content
            try event(.partBegan(try part(lines)))
            return UnsafeRawBufferPointer(rebasing: bytes[(offset + 1)...])
        }
        return nil
    }

    /// The lines of a complete head; nil when its empty line has not come.
    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard
            bytes == [0x0A] || bytes == [0x0D, 0x0A] || bytes.suffix(2).elementsEqual([0x0A, 0x0A])
                || bytes.suffix(3).elementsEqual([0x0A, 0x0D, 0x0A])
        else { return nil }
        return bytes.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }.filter { !$0.isEmpty }
    }

    private func part(_ lines: [ArraySlice<UInt8>]) throws -> Part {
        var disposition: HeaderValue?
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let name = String(validating: line[..<colon], as: UTF8.self),
                let value = String(validating: line[(colon + 1)...], as: UTF8.self)
            else { throw broken("the head of a part is not valid") }
            guard HTTPHeaders.same(name.trimmed, "Content-Disposition") else { continue }
            guard disposition == nil else { throw broken("a part has two dispositions") }
            disposition = HeaderValue(value)
        }
        guard let disposition, HTTPHeaders.same(disposition.main, "form-data") else { return Part(name: nil, isFile: false) }
        return Part(
            name: disposition.parameters["name"],
            isFile: disposition.parameters["filename"] != nil || disposition.parameters["filename*"] != nil)
    }

    private func broken(_ reason: String) -> RegistryError {
        RegistryError("the multipart body is broken: \(reason)", code: .invalidRequest)
    }
}

/// A header value of the form `main; name=value; name="value"` (RFC 9110, section 5.6.6).
struct HeaderValue: Equatable {
    /// What comes before the first `;`.
    let main: String
    /// The parameters by name in lower case; the first one of a name counts.
    let parameters: [String: String]

    init(_ text: String) {
        var rest = Array(text.utf8)[...]
        main = HeaderValue.take(&rest, until: [UInt8(ascii: ";")]).trimmed
        var parameters: [String: String] = [:]
        while rest.popFirst() != nil {
            let name = HeaderValue.take(&rest, until: [UInt8(ascii: "="), UInt8(ascii: ";")]).trimmed.lowercased()
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest.removeFirst()
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            let value: String
            if rest.first == UInt8(ascii: "\"") {
                value = HeaderValue.quoted(&rest)
                _ = HeaderValue.take(&rest, until: [UInt8(ascii: ";")])
            } else {
                value = HeaderValue.take(&rest, until: [UInt8(ascii: ";")]).trimmed
            }
            if parameters[name] == nil { parameters[name] = value }
        }
        self.parameters = parameters
    }

    private static func take(_ rest: inout ArraySlice<UInt8>, until stops: [UInt8]) -> String {
        let end = rest.firstIndex(where: stops.contains) ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(decoding: rest[..<end], as: UTF8.self)
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String {
        rest.removeFirst()
        var out: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            out.append(byte == UInt8(ascii: "\\") ? rest.popFirst() ?? byte : byte)
        }
        return String(decoding: out, as: UTF8.self)
    }
}
