/// The shapes that OCI gives to names. Source: OCI distribution spec v1.1, "Pulling manifests"; image spec v1.1, "Digests".
package enum RepositoryGrammar {
    /// `part *("/" part)`; a part is runs of `a-z` and `0-9` with one `.`, one `_`, `__` or any number of `-` between two runs.
    package static func isName(_ text: String) -> Bool {
        text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.first, let last = part.last, isRun(first), isRun(last) else { return false }
            return part.split(whereSeparator: isRun).allSatisfy { separator in
                separator.allSatisfy { $0 == UInt8(ascii: "-") } || separator.elementsEqual("_".utf8) || separator.elementsEqual("__".utf8)
                    || separator.elementsEqual(".".utf8)
            }
        }
    }

    /// The longest digest in bytes: it is an answer's header, too.
    private static let digestLimit = 512

    /// `algorithm ":" encoded`, of at most `digestLimit` bytes.
    package static func isDigest(_ text: String) -> Bool {
        let halves = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard text.utf8.count <= digestLimit, halves.count == 2, !halves[1].isEmpty else { return false }
        let separators = Array("+._-".utf8)
        let parts = halves[0].split(omittingEmptySubsequences: false) { separators.contains($0) }
        return parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isRun) }
            && halves[1].allSatisfy {
                $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            }
    }

    private static func isRun(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }
}
