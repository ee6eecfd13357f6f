/// One reading of a text that is a locator and, behind a slash, the path of something in the resource.
///
/// Source: Specs/06-http, API-068.
public struct LocatedPath: Sendable, Equatable {
    /// The resource.
    public let locator: Locator
    /// The file or folder in it; nil for the root.
    public let path: FilePath?
    /// Whether the text ends with a slash, and so means a folder.
    public let isFolder: Bool

    /// Every reading of a text, the one with the longest locator first. A `%` of the text is no escape: in a path it stands for itself, in
    /// a locator it cannot be.
    ///
    /// Throws `LocatorError` when no front part of the text is a locator, `ContentError` when what follows none of them can be a path.
    public static func readings(of text: String) throws -> [LocatedPath] {
        var readings: [LocatedPath] = []
        var problem: (any Error)?
        // A locator has a longest form, so what is cut off behind that need not be looked at.
        var end: String.Index? = text.utf8.index(text.startIndex, offsetBy: textLimit, limitedBy: text.endIndex) ?? text.endIndex
        if let limited = end, limited < text.endIndex { end = text[...limited].utf8.lastIndex(of: slash) }
        while let at = end {
            let front = text[..<at]
            do { if let reading = try reading(front, behind: text[at...]) { readings.append(reading) } } catch { problem = error }
            end = front.utf8.lastIndex(of: slash)
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

    /// Nil when the front is no locator. Throws `ContentError` for what follows it.
    private static func reading(_ front: Substring, behind: Substring) throws(ContentError) -> LocatedPath? {
        guard !front.utf8.contains(UInt8(ascii: "%")), let locator = try? Locator(parsing: String(front)) else { return nil }
        guard !behind.isEmpty else { return LocatedPath(locator: locator, path: nil, isFolder: false) }
        var rest = behind.utf8.dropFirst()
        guard !rest.isEmpty else { return LocatedPath(locator: locator, path: nil, isFolder: true) }
        let isFolder = rest.last == slash
        if isFolder { rest = rest.dropLast() }
        return LocatedPath(locator: locator, path: try FilePath(parsing: String(Substring(rest))), isFolder: isFolder)
    }

    /// Whether the text itself says which bytes are meant, so that they never change: by a digest, or by a tag that is a full version.
    public var isPinned: Bool { locator.digest != nil || SemanticVersion.isFull(locator.tag) }
}

/// Full versions. Source: Semantic Versioning 2.0.0.
enum SemanticVersion {
    /// Whether a text is `1.2.3` or `1.2.3-pre.1`, perhaps with `+build`.
    static func isFull(_ text: String) -> Bool {
        let halves = text.utf8.split(separator: UInt8(ascii: "+"), maxSplits: 1, omittingEmptySubsequences: false)
        if halves.count == 2, !identifiers(halves[1], isBuild: true) { return false }
        let parts = halves[0].split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !identifiers(parts[1], isBuild: false) { return false }
        let numbers = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return numbers.count == 3 && numbers.allSatisfy { isNumber($0) && !hasLeadingZero($0) }
    }

    private static func identifiers(_ text: Substring.UTF8View, isBuild: Bool) -> Bool {
        text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
            guard !part.isEmpty, part.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") }) else { return false }
            return isBuild || !isNumber(part) || !hasLeadingZero(part)
        }
    }

    private static func isNumber(_ text: Substring.UTF8View) -> Bool {
        !text.isEmpty && text.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private static func hasLeadingZero(_ text: Substring.UTF8View) -> Bool { text.count > 1 && text.first == UInt8(ascii: "0") }
}
