/// A locator and the path of a file or folder in what it names, written as one text: `acme/tools:1.2.0/src/main.py`.
///
/// The text does not always say where the locator ends. Source: Specs/09-command-line, CLI-093.
public struct LocatorPath: Hashable, Sendable {
    /// What is named.
    public let locator: Locator
    /// The file or folder in it; nil for all of it.
    public let path: FilePath?
    /// Whether a slash is written at the end, so that only a folder can be meant.
    public let isFolder: Bool

    /// The ways to read a text, the one with the longest locator first: cut at no slash or at one of them, what is before it a locator and
    /// what is behind it a path. A locator with a tag or digest ends the list. Throws `LocatorError` or `ContentError` for what is wrong with
    /// the text when there is no way to read it.
    public static func readings(of text: String) throws -> [LocatorPath] {
        let isFolder = text.utf8.last == UInt8(ascii: "/")
        let bytes = isFolder ? text.utf8.dropLast() : text.utf8[...]
        let cuts = bytes.indices.filter { bytes[$0] == UInt8(ascii: "/") } + [bytes.endIndex]
        var readings: [LocatorPath] = []
        for cut in cuts.reversed() {
            let written = String(Substring(bytes[..<cut]))
            guard let locator = try? Locator(parsing: written) else { continue }
            let rest = cut == bytes.endIndex ? nil : String(Substring(bytes[bytes.index(after: cut)...]))
            let path = try? rest.map { try FilePath(parsing: $0) }
            guard (path == nil) == (rest == nil) else { continue }
            readings.append(LocatorPath(locator: locator, path: path, isFolder: isFolder))
            if locator.digestPrefix != nil
                || written.utf8[(written.utf8.lastIndex(of: UInt8(ascii: "/")) ?? written.startIndex)...].contains(
                    UInt8(ascii: ":"))
            {
                break
            }
        }
        guard readings.isEmpty else { return readings }
        _ = try Locator(parsing: text)
        throw LocatorError("No part of it is a locator", locator: text)
    }
}
