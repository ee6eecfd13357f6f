/// Finds the word that was probably meant.
package enum Nearest {
    /// The candidate with the fewest edits, when they are few for its length.
    package static func word(to typed: String, among candidates: [String]) -> String? {
        let best = candidates.map { (word: $0, edits: edits(Array(typed.utf8), Array($0.utf8))) }.min { $0.edits < $1.edits }
        guard let best, best.edits <= max(1, best.word.utf8.count / 3) else { return nil }
        return best.word
    }

    /// The edit distance, counting a swap of neighbours as one edit (optimal string alignment).
    private static func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var older = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i] + [Int](repeating: 0, count: b.count)
            for j in 1...b.count {
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], older[j - 2] + 1) }
            }
            (older, last) = (last, row)
        }
        return last[b.count]
    }
}
