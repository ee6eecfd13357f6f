import RxModel

/// The raw headers of one entry: checks what libarchive hides.
///
/// libarchive ends a name at its first NUL and takes a kind of entry that it does not know for a regular file.
/// Sources: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
struct TarHeaders {
    private static let block = 512
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Throws `ContentError` for a name that holds NUL and for an unknown kind of entry; `name` is the entry's name for messages.
    func check(name: String) throws(ContentError) {
        var offset = 0
        while offset + TarHeaders.block <= bytes.count {
            let kind = bytes[offset + 156]
            switch kind {
            case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
                let size = try self.size(at: offset, name)
                let body = UnsafeRawBufferPointer(rebasing: bytes[(offset + TarHeaders.block)...].prefix(size))
                switch kind {
                case UInt8(ascii: "L"), UInt8(ascii: "K"): try checkNames(body)
                default: try checkRecords(body)
                }
                offset += (size + 2 * TarHeaders.block - 1) / TarHeaders.block * TarHeaders.block
            case UInt8(ascii: "V"):
                offset += TarHeaders.block
            case 0, UInt8(ascii: "0")...UInt8(ascii: "7"), UInt8(ascii: "S"):
                return
            default:
                let text = String(decoding: CollectionOfOne(kind), as: UTF8.self)
                throw ContentError("entry \(FilePath.quoted(name)): entries of kind \(FilePath.quoted(text)) are not allowed")
            }
        }
    }

    /// The octal number in a header's size field.
    private func size(at header: Int, _ name: String) throws(ContentError) -> Int {
        var size = 0
        for byte in bytes[(header + 124)..<(header + 136)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "7"): size = size << 3 | Int(byte & 7)
            case UInt8(ascii: " ") where size == 0: continue
            case UInt8(ascii: " "), 0: return size
            default: throw ContentError("entry \(FilePath.quoted(name)): an extended header has a damaged length")
            }
        }
        return size
    }

    /// A GNU long name: ends with NUL and may be padded with more of them.
    private func checkNames(_ body: UnsafeRawBufferPointer) throws(ContentError) {
        let end = body.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        try checkName(UnsafeRawBufferPointer(rebasing: body[..<end]))
    }

    /// Records of `length key=value\n`. libarchive has refused malformed ones already.
    private func checkRecords(_ body: UnsafeRawBufferPointer) throws(ContentError) {
        var rest = body
        while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
            let digits = String(decoding: rest[..<space], as: UTF8.self)
            guard let length = Int(digits), length > space + 1, length <= rest.count else { return }
            let record = UnsafeRawBufferPointer(rebasing: rest[(space + 1)..<(length - 1)])
            if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
                switch String(decoding: record[..<equals], as: UTF8.self) {
                case "path", "linkpath", "GNU.sparse.name": try checkName(UnsafeRawBufferPointer(rebasing: record[(equals + 1)...]))
                default: break
                }
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
    }

    private func checkName(_ name: UnsafeRawBufferPointer) throws(ContentError) {
        guard name.contains(0) else { return }
        let shown = FilePath.quoted(String(decoding: name, as: UTF8.self))
        throw ContentError("entry \(shown): a name may not hold a newline or NUL")
    }
}
