/// The path of one file inside a resource: relative, `/` between segments, compared as bytes.
///
/// Two names that differ only in Unicode normalisation are two files. Source: Specs/04-archive.
public struct FilePath: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest path, in UTF-8 bytes.
    public static let lengthLimit = 4096
    /// The longest segment, in UTF-8 bytes.
    public static let segmentLimit = 255

    /// The path as it is written.
    public let text: String

    /// Checks a path. Throws `ContentError` naming it: absolute, `..`, an empty or `.` segment, a newline or NUL, too long.
    public init(parsing text: String) throws(ContentError) {
        guard !FilePath.isPlain(text) else {
            self.text = text
            return
        }
        func fail(_ reason: String) -> ContentError { ContentError("entry \(FilePath.quoted(text)): \(reason)") }
        guard !text.isEmpty else { throw fail("the name is empty") }
        guard text.utf8.count <= FilePath.lengthLimit else { throw fail("the path is longer than \(FilePath.lengthLimit) bytes") }
        guard text.utf8.first != UInt8(ascii: "/") else { throw fail("absolute paths are not allowed") }
        guard !text.utf8.contains(where: { $0 == 0x0A || $0 == 0 }) else { throw fail("a name may not hold a newline or NUL") }
        for segment in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if segment.elementsEqual("..".utf8) { throw fail("the path leaves the root") }
            guard !segment.isEmpty, !segment.elementsEqual(".".utf8) else { throw fail("a segment is empty or '.'") }
            guard segment.count <= FilePath.segmentLimit else { throw fail("a segment is longer than \(FilePath.segmentLimit) bytes") }
        }
        self.text = text
    }

    /// Whether a text is a path beyond doubt, seen in one pass: no segment begins with a dot or is long. Other paths may be right too.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { bytes in
            guard !bytes.isEmpty, bytes.count <= lengthLimit else { return false }
            var start = 0
            for (index, byte) in bytes.enumerated() {
                if byte == UInt8(ascii: "/") {
                    guard index > start, index - start <= segmentLimit else { return false }
                    start = index + 1
                } else if byte == 0x0A || byte == 0 || byte == UInt8(ascii: ".") && index == start {
                    return false
                }
            }
            return bytes.count > start && bytes.count - start <= segmentLimit
        } ?? false
    }

    /// A path made of segments that were checked already.
    package init(unchecked text: String) { self.text = text }

    /// The folder that holds the entry; nil at the root.
    package var parent: FilePath? {
        text.utf8.lastIndex(of: UInt8(ascii: "/")).map { FilePath(unchecked: String(text[..<$0])) }
    }

    /// The last segment, as a name in its folder.
    package var lastName: String {
        text.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(text[text.utf8.index(after: $0)...]) } ?? text
    }

    /// The segments, first to last.
    public var segments: [Substring] { text.utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) } }

    /// The last segment.
    public var name: Substring { segments.last! }

    public var description: String { text }

    public static func == (a: FilePath, b: FilePath) -> Bool { bytes(of: a, b) { $0.elementsEqual($1) } }
    public static func < (a: FilePath, b: FilePath) -> Bool { bytes(of: a, b) { $0.lexicographicallyPrecedes($1) } }

    /// Compares bytes in memory: letter by letter, as a string gives them, that takes many times as long.
    private static func bytes(of a: FilePath, _ b: FilePath, _ compare: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Bool)
        -> Bool
    {
        var (a, b) = (a.text, b.text)
        return a.withUTF8 { a in b.withUTF8 { b in compare(a, b) } }
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// A name for an error message: in quotes, with control characters escaped.
    package static func quoted(_ text: String) -> String { JSON.string(text).text }
}
