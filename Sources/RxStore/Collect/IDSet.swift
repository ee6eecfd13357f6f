/// A set of row ids: one bit for each id up to the largest.
struct IDSet: Sendable {
    private var words: [UInt64] = []
    /// How many there are.
    private(set) var count = 0

    /// Adds an id, which is 0 or more.
    mutating func insert(_ id: Int) {
        let (word, bit) = (id >> 6, UInt64(1) << UInt64(id & 63))
        while words.count <= word { words.append(contentsOf: repeatElement(0, count: max(16, words.count))) }
        guard words[word] & bit == 0 else { return }
        words[word] |= bit
        count += 1
    }

    /// Whether an id is among them.
    func contains(_ id: Int) -> Bool { id >> 6 < words.count && words[id >> 6] & 1 << UInt64(id & 63) != 0 }
}
