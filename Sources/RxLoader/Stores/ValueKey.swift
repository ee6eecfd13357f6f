import RxModel

/// The names under which stores keep values. Both kinds of store refuse the same ones. Source: Specs/15-loader, LOD-024.
struct ValueKey: Hashable {
    /// The most bytes of a key's file name: the 255 of file systems, less the 33 that its name has more while it is written aside.
    static let limit = 222
    private static let suffix = ".json"

    /// The segments of the path, percent escapes decoded, joined by `/`.
    let text: String

    /// The key of a path; nil for the root. Throws `ContentError` for one that is too long.
    init?(path: String) throws(ContentError) {
        let segments = RoutePath.segments(path)
        guard !segments.isEmpty else { return nil }
        text = segments.joined(separator: "/")
        guard fileName.utf8.count <= ValueKey.limit else {
            throw ContentError("the key \(FilePath.quoted(text)) is too long: its file's name would have more than \(ValueKey.limit) bytes")
        }
    }

    /// The key of a file; nil for a file that is none of the store's.
    init?(fileName: String) {
        guard fileName.hasSuffix(ValueKey.suffix), let text = PercentEncoding.decode(fileName.dropLast(ValueKey.suffix.count)) else {
            return nil
        }
        self.text = text
        guard self.fileName == fileName else { return nil }
    }

    /// One name for each key, different also where the file system does not tell case: no key leaves the folder or hides in it.
    var fileName: String {
        var name = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                name.unicodeScalars.append(UnicodeScalar(byte))
            default: name += "%" + Hex.text(CollectionOfOne(byte))
            }
        }
        return name + ValueKey.suffix
    }

    static func == (a: ValueKey, b: ValueKey) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
    func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }
}

extension Reply {
    /// What is in a store, as both kinds answer it: the keys, sorted by their bytes.
    static func list(_ keys: some Sequence<ValueKey>) -> Reply {
        let sorted = keys.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return Reply(.json(.array(sorted.map { .string($0) })), type: "list")
    }

    /// The answer for what a store refuses.
    static func noValue(_ message: String) -> Reply { .condition(.invalid, message) }
}
