// The standard library's own normaliser; isolated here because it is not yet public API.
@_spi(_Unicode) import Swift

extension String {
    /// The text in Unicode normalisation form C.
    package var composed: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var out = String.UnicodeScalarView()
        out.append(contentsOf: _nfc)
        return String(out)
    }

    /// Whether the text is in Unicode normalisation form C already. Equality of strings does not tell: it is canonical.
    package var isComposed: Bool { utf8.elementsEqual(composed.utf8) }

    /// The text in Unicode normalisation form D.
    package var decomposed: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var out = String.UnicodeScalarView()
        out.append(contentsOf: _nfd)
        return String(out)
    }
}
