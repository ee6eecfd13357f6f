extension Locator {
    /// The longest path, name and tag together, as they are written, in UTF-8 bytes. Registry and digest have bounds of their own, so
    /// that a copy can be addressed and pinned whatever its name.
    public static let lengthLimit = 256

    /// Reads a locator; percent escapes are decoded once and the text is brought to NFC.
    ///
    /// Throws `LocatorError` with the message that Specs/01-locator gives for the first rule broken.
    public init(parsing written: String) throws(LocatorError) {
        func fail(_ message: String) -> LocatorError { LocatorError(message, locator: written) }

        guard !written.isEmpty else { throw fail("Locator must be a non-empty string") }
        guard LocatorGrammar.isShort(written) else { throw fail("Locator too long") }
        guard let decoded = PercentEncoding.decode(written) else { throw fail("Invalid percent escape") }
        let text = decoded.composed
        guard LocatorGrammar.isShort(text) else { throw fail("Locator too long") }
        guard text.utf8.first != UInt8(ascii: "/"), text.utf8.first != UInt8(ascii: "\\") else { throw fail("Absolute paths not allowed") }
        guard !text.containsTraversal else { throw fail("Path traversal detected") }
        guard text.unicodeScalars.allSatisfy(LocatorGrammar.allows) else { throw fail("Invalid characters detected") }

        let parts = text.utf8.split(separator: UInt8(ascii: "@"), maxSplits: 1, omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        guard !parts[0].isEmpty else { throw fail("Invalid locator format. Name is required before @") }
        if parts.count == 2 {
            guard let digits = LocatorGrammar.digestDigits(parts[1]) else { throw fail("Invalid digest format after @") }
            digestPrefix = digits
        } else {
            digestPrefix = nil
        }

        var segments = parts[0].utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
        let last = segments.removeLast()
        if let colon = last.utf8.lastIndex(of: UInt8(ascii: ":")) {
            name = String(last[..<colon])
            tag = String(last[last.utf8.index(after: colon)...])
            guard !name.isEmpty else { throw fail("Name is required") }
            guard !tag.isEmpty else { throw fail("Tag cannot be empty. Use name:tag format or omit tag for :latest") }
            guard LocatorGrammar.isTag(tag) else {
                throw fail("Invalid tag: use letters, digits, '_', '.' and '-', at most 128, the first a letter, digit or '_'")
            }
        } else {
            name = last
            tag = Locator.latest
            guard !name.isEmpty else { throw fail("Name is required") }
        }
        if let first = segments.first, LocatorGrammar.namesRegistry(first) {
            guard LocatorGrammar.isRegistry(first) else { throw fail("Invalid registry host") }
            registry = first
            segments.removeFirst()
        } else {
            registry = nil
        }
        for segment in segments + [name] {
            guard !segment.isEmpty else { throw fail("Empty path segment") }
            guard LocatorGrammar.isSegment(segment) else {
                throw fail("Invalid path segment: a segment may not start with '.' or hold ':'")
            }
        }
        path = segments.isEmpty ? nil : segments.joined(separator: "/")
    }
}

/// The characters and shapes of a locator's parts. Source: Specs/01-locator.
package enum LocatorGrammar {
    /// The longest host, in bytes. Source: RFC 1035, section 2.3.4.
    private static let hostLimit = 253

    /// Whether the text without its registry and digest has at most `Locator.lengthLimit` bytes.
    static func isShort(_ text: String) -> Bool {
        var own = Substring(text)
        if let at = own.utf8.firstIndex(of: UInt8(ascii: "@")) { own = own[..<at] }
        if let slash = own.utf8.firstIndex(of: UInt8(ascii: "/")), namesRegistry(own[..<slash]) {
            own = own[own.utf8.index(after: slash)...]
        }
        return own.utf8.count <= Locator.lengthLimit
    }

    static func allows(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ";", "|", "&", "$", "`", "<", ">", "\"", "\\", "%", "\u{0}"..."\u{20}", "\u{7F}": false
        case _ where scalar.isASCII: true
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
            default: true
            }
        }
    }

    /// A tag of the OCI distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    package static func isTag(_ tag: String) -> Bool {
        guard 1...128 ~= tag.utf8.count, let first = tag.utf8.first, first.isASCIIAlphanumeric || first == UInt8(ascii: "_") else {
            return false
        }
        return tag.utf8.allSatisfy(isTagByte)
    }

    static func isTagByte(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
    }

    /// A name, or one segment of a path.
    package static func isSegment(_ segment: String) -> Bool {
        guard let first = segment.utf8.first, first != UInt8(ascii: "."), !segment.containsTraversal else { return false }
        return segment.unicodeScalars.allSatisfy { allows($0) && $0 != "/" && $0 != ":" && $0 != "@" }
    }

    /// Whether the first of several segments is a host: it has a `:` or `.` or is `localhost`.
    package static func namesRegistry(_ segment: some StringProtocol) -> Bool {
        segment.utf8.elementsEqual("localhost".utf8) || segment.utf8.contains { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
    }

    /// `host`, `host:port` or `[v6]:port`.
    package static func isRegistry(_ text: String) -> Bool {
        guard !text.containsTraversal else { return false }
        var host = Substring(text)
        let bracketed = text.utf8.first == UInt8(ascii: "[")
        let portSearch = bracketed ? text.utf8.lastIndex(of: UInt8(ascii: "]")).map { text[$0...] } : text[...]
        guard let portSearch else { return false }
        if let colon = portSearch.utf8.firstIndex(of: UInt8(ascii: ":")) {
            let port = text[text.utf8.index(after: colon)...]
            guard 1...5 ~= port.utf8.count, port.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), Int(port)! <= 65535
            else { return false }
            host = text[..<colon]
        }
        guard host.utf8.count <= hostLimit else { return false }
        if bracketed {
            guard host.utf8.last == UInt8(ascii: "]"), host.utf8.count > 2 else { return false }
            return host.dropFirst().dropLast().utf8.allSatisfy {
                Hex.value($0, anyCase: true) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }
        }
        guard let first = host.utf8.first, first.isASCIIAlphanumeric else { return false }
        return host.utf8.allSatisfy {
            $0.isASCIIAlphanumeric || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
    }

    static func digestDigits(_ text: String) -> String? {
        guard text.utf8.starts(with: "sha256:".utf8) else { return nil }
        let digits = text.dropFirst(7)
        guard 1...64 ~= digits.utf8.count, digits.utf8.allSatisfy({ Hex.value($0) != nil }) else { return nil }
        return String(digits)
    }
}

extension UInt8 {
    package var isASCIIAlphanumeric: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}

extension String {
    /// Whether two dots follow one another anywhere.
    var containsTraversal: Bool {
        var dots = 0
        for byte in utf8 {
            dots = byte == UInt8(ascii: ".") ? dots + 1 : 0
            if dots == 2 { return true }
        }
        return false
    }
}
