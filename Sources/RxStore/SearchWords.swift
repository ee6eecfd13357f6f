import RxModel

/// The words of a search text: runs of letters and digits. Source: Specs/05-store, search rules.
package struct SearchWords {
    let words: [String]
    /// Whether the text asks for something that can be found: nothing at all, or at least one word.
    package let canMatch: Bool

    package init(_ text: String) {
        words = SearchWords.split(text)
        canMatch = !words.isEmpty || text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }

    /// The FTS5 expression: every word begins some word. Words hold no quotes, so none needs escaping.
    var match: String { words.map { "\"\($0)\"*" }.joined(separator: " ") }

    /// Whether every word begins one of the words of `texts`, whatever case and diacritics.
    package func matches(_ texts: [String]) -> Bool {
        let tokens = texts.flatMap(SearchWords.split).map(SearchWords.folded)
        return words.map(SearchWords.folded).allSatisfy { word in tokens.contains { $0.hasPrefix(word) } }
    }

    private static func split(_ text: String) -> [String] {
        text.unicodeScalars.split { !isWordScalar($0) }.map { String($0) }
    }

    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber, .letterNumber,
            .otherNumber, .nonspacingMark:
            true
        default: false
        }
    }

    private static func folded(_ word: String) -> String {
        String(
            String.UnicodeScalarView(
                word.lowercased().decomposed.unicodeScalars.filter { $0.properties.generalCategory != .nonspacingMark }))
    }
}
