/// Full versions. Source: Semantic Versioning 2.0.0.
package enum SemanticVersion {
    /// Whether a tag is `1.2.3` or `1.2.3-pre.1`. A `+` cannot be in a tag, so there is no build to look for.
    package static func isFull(_ tag: String) -> Bool {
        let parts = tag.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !isPrerelease(parts[1]) { return false }
        let numbers = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return numbers.count == 3 && numbers.allSatisfy { isNumber($0) && !hasLeadingZero($0) }
    }

    private static func isPrerelease(_ text: Substring.UTF8View) -> Bool {
        text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
            guard !part.isEmpty, part.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") }) else { return false }
            return !isNumber(part) || !hasLeadingZero(part)
        }
    }

    private static func isNumber(_ text: Substring.UTF8View) -> Bool {
        !text.isEmpty && text.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private static func hasLeadingZero(_ text: Substring.UTF8View) -> Bool { text.count > 1 && text.first == UInt8(ascii: "0") }
}
