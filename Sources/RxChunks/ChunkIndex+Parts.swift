extension ChunkIndex {
    /// The index of a blob of `size` bytes that was made of `parts`, by those of its bases and of the new bytes; nil when a part is not made
    /// of whole chunks, the index of a base is not known, or the bases have more chunks together than one blob may have. Throws what `fresh`
    /// throws.
    package init?(
        of parts: [Delta.Part], size: Int, base: (Int) -> ChunkIndex?, fresh: (Range<Int>) throws -> ChunkIndex
    ) throws {
        var known: [Int: (chunks: [Chunk], positions: [Int: Int])] = [:]
        var left = ChunkIndex.countLimit
        var chunks: [Chunk] = []
        for part in parts {
            switch part {
            case .fresh(let range): chunks += try fresh(range).chunks
            case .copy(let number, let range):
                if known[number] == nil {
                    guard let index = base(number), left >= index.chunks.count else { return nil }
                    left -= index.chunks.count
                    known[number] = (index.chunks, index.positions)
                }
                let (all, positions) = known[number]!
                guard let first = positions[range.lowerBound], let end = positions[range.upperBound] else { return nil }
                chunks += all[first..<end]
            }
        }
        // The last chunk of new bytes is cut where they end; only at the end of the blob may that be a short one.
        guard chunks.dropLast().allSatisfy({ $0.length >= Chunker.shortest }) else { return nil }
        self.init(chunks, size: size)
    }

    /// The chunk that begins at an offset, by offset; the end counts as the beginning of one more.
    private var positions: [Int: Int] {
        var positions: [Int: Int] = [:]
        positions.reserveCapacity(chunks.count + 1)
        var offset = 0
        for (position, chunk) in chunks.enumerated() {
            positions[offset] = position
            offset += chunk.length
        }
        positions[offset] = chunks.count
        return positions
    }
}
