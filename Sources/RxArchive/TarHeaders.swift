import RxModel

/// The raw headers of one entry, for what libarchive hides.
///
/// libarchive ends a name at its first NUL, takes a kind of entry that it does not know for a regular file, and (3.6) loses the
/// target of a link that stands in an extended header alone.
/// Sources: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
struct TarHeaders {
    private static let block = 512

    /// The type flag of the entry itself.
    private(set) var kind: UInt8 = 0
    /// The target of a link, when an extended header has it.
    private(set) var target: [UInt8]?

    private let bytes: UnsafeRawBufferPointer

    /// Throws `ContentError` for a name that holds NUL and for an unknown kind of entry; `shown` is the entry's name for messages.
    init(_ bytes: UnsafeRawBufferPointer, shown: @autoclosure () -> String) throws(ContentError) {
        self.bytes = bytes
        var offset = 0
        while offset + TarHeaders.block <= bytes.count {
            kind = bytes[offset + 156]
            switch kind {
            case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
                let size = try size(at: offset, shown())
                let body = UnsafeRawBufferPointer(rebasing: bytes[(offset + TarHeaders.block)...].prefix(size))
                switch kind {
                case UInt8(ascii: "L"): try takeName(body)
                case UInt8(ascii: "K"): target = try takeName(body)
                default: try takeRecords(body)
                }
                offset += (size + 2 * TarHeaders.block - 1) / TarHeaders.block * TarHeaders.block
            case UInt8(ascii: "V"):
                offset += TarHeaders.block
            case 0, UInt8(ascii: "0")...UInt8(ascii: "7"), UInt8(ascii: "S"):
                return
            default:
                let text = String(decoding: CollectionOfOne(kind), as: UTF8.self)
                throw ContentError("entry \(shown()): entries of kind \(FilePath.quoted(text)) are not allowed")
            }
        }
    }

    /// The octal number in a header's size field.
    private func size(at header: Int, _ shown: @autoclosure () -> String) throws(ContentError) -> Int {
        var size = 0
        for byte in bytes[(header + 124)..<(header + 136)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "7"): size = size << 3 | Int(byte & 7)
            case UInt8(ascii: " ") where size == 0: continue
            case UInt8(ascii: " "), 0: return size
            default: throw ContentError("entry \(shown()): an extended header has a damaged length")
            }
        }
        return size
    }

    /// Records of `length key=value\n`. libarchive has refused malformed ones already.
    private mutating func takeRecords(_ body: UnsafeRawBufferPointer) throws(ContentError) {
        var rest = body
        while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
            let digits = String(decoding: rest[..<space], as: UTF8.self)
            guard let length = Int(digits), length > space + 1, length <= rest.count else { return }
            let record = UnsafeRawBufferPointer(rebasing: rest[(space + 1)..<(length - 1)])
            if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
                let value = UnsafeRawBufferPointer(rebasing: record[(equals + 1)...])
                switch String(decoding: record[..<equals], as: UTF8.self) {
                case "path", "GNU.sparse.name": try check(value)
                case "linkpath":
                    try check(value)
                    target = Array(value)
                default: break
                }
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
    }

    /// A GNU long name: ends with NUL and may be padded with more of them.
    @discardableResult
    private func takeName(_ body: UnsafeRawBufferPointer) throws(ContentError) -> [UInt8] {
        let end = body.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        let name = UnsafeRawBufferPointer(rebasing: body[..<end])
        try check(name)
        return Array(name)
    }

    private func check(_ name: UnsafeRawBufferPointer) throws(ContentError) {
        guard name.contains(0) else { return }
        throw ContentError("entry \(FilePath.quoted(String(decoding: name, as: UTF8.self))): a name may not hold a newline or NUL")
    }
}
