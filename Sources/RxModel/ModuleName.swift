/// A module as programs of a language ask for it: `python:acme_tools`, `node:@acme/tools`.
///
/// Source: Specs/02-definition, "What a resource provides".
public struct ModuleName: Hashable, Sendable, CustomStringConvertible {
    /// The language: lower-case letters and digits, a letter first.
    public let language: String
    /// The name that a program of the language imports.
    public let name: String

    /// Checks both parts. Throws `DefinitionError` that says what is wrong with which.
    public init(language: String, name: String) throws(DefinitionError) {
        try ModuleName.check(language: language)
        if let fault = ModuleName.fault(in: name, of: language) { throw DefinitionError("\"\(name)\" \(fault)", field: "provides") }
        self.language = language
        self.name = name
    }

    /// Reads `LANGUAGE:NAME`. Throws `DefinitionError`.
    public init(parsing text: String) throws(DefinitionError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw DefinitionError("\"\(text)\" is no module: write LANGUAGE:NAME, such as python:acme_tools", field: "provides")
        }
        try self.init(language: String(text[..<colon]), name: String(text[text.utf8.index(after: colon)...]))
    }

    /// What was checked before.
    package init(unchecked language: String, _ name: String) {
        self.language = language
        self.name = name
    }

    /// `LANGUAGE:NAME`.
    public var description: String { "\(language):\(name)" }

    /// The resource of the same name, which is tried where none says that it provides the module: `acme/tools` for `@acme/tools`. Nil where
    /// no resource can have it.
    public var namesake: Locator? {
        let text = language == "node" && name.utf8.first == UInt8(ascii: "@") ? String(name.dropFirst()) : name
        guard !text.utf8.contains(UInt8(ascii: "%")), let locator = try? Locator(parsing: text), locator.registry == nil,
            locator.description.utf8.elementsEqual(text.utf8), locator.tag == Locator.latest, locator.digestPrefix == nil
        else { return nil }
        return locator
    }

    /// The most characters of a language.
    package static let languageLimit = 32
    /// The most characters of a name.
    package static let nameLimit = 214

    /// Throws for what is no language.
    static func check(language: String) throws(DefinitionError) {
        let bytes = language.utf8
        let isRight = 1...languageLimit ~= bytes.count && isLower(bytes.first!) && bytes.allSatisfy { isLower($0) || isDigit($0) }
        guard isRight else {
            throw DefinitionError(
                "\"\(language)\" is no language: use lower-case letters and digits, a letter first, at most \(languageLimit)",
                field: "provides")
        }
    }

    /// What is wrong with a name in a language, as the end of a sentence; nil when nothing is.
    static func fault(in name: String, of language: String) -> String? {
        guard !name.isEmpty else { return "is empty" }
        guard name.unicodeScalars.count <= nameLimit else { return "has more than \(nameLimit) characters" }
        switch language {
        case "python": return isIdentifier(name) ? nil : "is no Python identifier"
        case "node": return isPackage(name) ? nil : "is no npm package name"
        default: return isPrintable(name) ? nil : "holds a space or a character that cannot be seen, or is not in NFC"
        }
    }

    /// Source: Python language reference, "Identifiers": the first name of an import, before any dot.
    private static func isIdentifier(_ name: String) -> Bool {
        func starts(_ scalar: Unicode.Scalar) -> Bool { scalar == "_" || scalar.properties.isXIDStart }
        return starts(name.unicodeScalars.first!) && name.unicodeScalars.allSatisfy(\.properties.isXIDContinue) && name.isComposed
    }

    /// Source: npm's rules for names of new packages: `name` or `@scope/name` of URL-safe lower-case characters, not beginning with `.` or `_`.
    private static func isPackage(_ name: String) -> Bool {
        func isPart(_ part: some Collection<UInt8>) -> Bool {
            guard let first = part.first, first != UInt8(ascii: "."), first != UInt8(ascii: "_") else { return false }
            return part.allSatisfy { isLower($0) || isDigit($0) || "-._~".utf8.contains($0) }
        }
        guard name.utf8.first == UInt8(ascii: "@") else { return isPart(name.utf8) && !["node_modules", "favicon.ico"].contains(name) }
        let parts = name.utf8.dropFirst().split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy(isPart)
    }

    private static func isPrintable(_ name: String) -> Bool {
        name.isComposed
            && name.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .spaceSeparator: false
                default: !scalar.properties.isWhitespace
                }
            }
    }

    private static func isLower(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte }
    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}
