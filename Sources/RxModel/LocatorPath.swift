/// A locator and the path of a file or folder in what it names, written as one text: `acme/tools:1.2.0/src/main.py`.
///
/// The text does not always say where the locator ends. Source: Specs/06-http, API-068; `rx cat` reads the same (Specs/09-command-line, CLI-093).
public struct LocatorPath: Hashable, Sendable {
    /// What is named.
    public let locator: Locator
    /// The file or folder in it; nil for all of it.
    public let path: FilePath?
    /// Whether a slash is written at the end, so that only a folder can be meant.
    public let isFolder: Bool

    /// The ways to read a text, the one with the longest locator first: cut at no slash or at one of them, what is before it a locator and
    /// what is behind it a path. A locator with a tag or digest ends the list. A `%` is no escape: in a path it stands for itself, in a
    /// locator it cannot be.
    ///
    /// Throws `LocatorError` when no front part of the text is a locator, `ContentError` when what follows none of them can be a path.
    public static func readings(of text: String) throws -> [LocatorPath] {
        var readings: [LocatorPath] = []
        var problem: (any Error)?
        // A locator has a longest form, so what is cut off behind that need not be looked at.
        var end: String.Index? = text.utf8.index(text.startIndex, offsetBy: textLimit, limitedBy: text.endIndex) ?? text.endIndex
        if let limited = end, limited < text.endIndex { end = text[...limited].utf8.lastIndex(of: slash) }
        while let at = end {
            let front = text[..<at]
            end = front.utf8.lastIndex(of: slash)
            guard !front.utf8.contains(UInt8(ascii: "%")), let locator = try? Locator(parsing: String(front)) else { continue }
            do { readings.append(try LocatorPath(locator, behind: text[at...])) } catch { problem = error }
            let name = end.map { front[$0...] } ?? front
            if locator.digestPrefix != nil || name.utf8.contains(UInt8(ascii: ":")) { break }
        }
        if readings.isEmpty {
            if let problem { throw problem }
            // The whole text says best what is wrong.
            _ = try Locator(parsing: text)
            throw LocatorError("Invalid characters detected", locator: text)
        }
        return readings
    }

    private static let slash = UInt8(ascii: "/")
    /// A registry, path with name and tag, and digest have at most this many bytes.
    private static let textLimit = 768

    /// Takes what is behind a locator: nothing, or a slash and perhaps a path.
    private init(_ locator: Locator, behind: Substring) throws(ContentError) {
        self.locator = locator
        var rest = behind.utf8.dropFirst()
        isFolder = behind.utf8.last == LocatorPath.slash
        if isFolder, !rest.isEmpty { rest = rest.dropLast() }
        path = behind.utf8.count <= 1 ? nil : try FilePath(parsing: String(Substring(rest)))
    }
}
