import RxCrypto
package import RxModel

/// Finds where content is cut: FastCDC with normalised chunking of level 2, so that the same bytes are cut alike wherever they stand.
///
/// Source: Specs/13-chunks, CDC-001 to CDC-004; Xia et al., "FastCDC", USENIX ATC 2016, and "The Design of Fast Content-Defined Chunking
/// for Data Deduplication Based Storage Systems", IEEE TPDS 2020.
package enum Chunker {
    /// The shortest chunk in bytes; only the last one of some content may be shorter.
    package static let shortest = 16 << 10
    /// Up to this length a cut is rare, behind it frequent, so that most chunks are a little longer.
    package static let normal = 64 << 10
    /// The longest chunk in bytes.
    package static let longest = 256 << 10
    /// A chunk shorter than `normal` ends where the hash is below this: once in 2^18 bytes.
    private static let rare: UInt64 = 1 << 46
    /// A longer one ends where the hash is below this: once in 2^14 bytes.
    private static let frequent: UInt64 = 1 << 50

    /// The length of the first chunk of `bytes`, which are all that is left or at least `longest`; 0 of none.
    package static func cut(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > shortest, let start = bytes.baseAddress else { return bytes.count }
        let limit = min(bytes.count, longest)
        let middle = min(limit, normal)
        return GearTable.values.withUnsafeBufferPointer { gear in
            // Pointers and a wrapping sum: this loop is what chunking costs.
            let gear = gear.baseAddress!
            let content = start.assumingMemoryBound(to: UInt8.self)
            var hash: UInt64 = 0
            var at = shortest
            while at < middle {
                hash = (hash << 1) &+ gear[Int(content[at])]
                at &+= 1
                if hash < rare { return at }
            }
            while at < limit {
                hash = (hash << 1) &+ gear[Int(content[at])]
                at &+= 1
                if hash < frequent { return at }
            }
            return limit
        }
    }

    /// How much is read at a time.
    private static let bufferSize = 1 << 20

    /// Reads `source` to its end and hands over its chunks in order. Throws what the source and `body` throw.
    package static func each(of source: some ByteSource, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 64)
        defer { buffer.deallocate() }
        var filled = 0
        var ended = false
        while !ended {
            while filled < buffer.count, !ended {
                let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                filled += count
                ended = count == 0
            }
            var start = 0
            while ended ? start < filled : filled - start >= longest {
                let length = cut(UnsafeRawBufferPointer(rebasing: buffer[start..<filled]))
                try body(UnsafeRawBufferPointer(rebasing: buffer[start..<start + length]))
                start += length
            }
            let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<filled])
            buffer.copyMemory(from: rest)
            filled = rest.count
        }
    }
}
