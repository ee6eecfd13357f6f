import RxCrypto
package import RxModel

/// One chunk of some content.
package struct Chunk: Sendable, Hashable {
    /// How many bytes it has.
    package let length: Int
    /// The first 6 bytes of its SHA-256, most significant first: enough to find it, not to trust it.
    package let id: UInt64

    /// Describes a chunk.
    package init(length: Int, id: UInt64) {
        self.length = length
        self.id = id
    }
}

/// The chunks of a blob, in order. It is derived from the blob and can be made again at any time. Source: Specs/13-chunks.
package struct ChunkIndex: Sendable, Equatable {
    /// How many bytes an id has in lists.
    package static let idBytes = 6
    /// How many bytes a chunk has in an index: 3 of its length, 6 of its id.
    package static let recordBytes = 9
    /// Shorter blobs are moved whole.
    package static let smallestBlob = 8 << 20
    /// Longer blobs are moved whole: their index would take much memory.
    package static let largestBlob = 16 << 30
    /// A blob of more chunks is moved whole. A blob of the largest size has half as many, unless it was made to have more.
    package static let countLimit = 1 << 19

    /// The chunks.
    package let chunks: [Chunk]
    /// The sum of their lengths.
    package let size: Int

    /// Cuts and hashes what `source` has. Throws what it throws, and `ContentError` for more than `largestBlob` bytes or `countLimit` chunks.
    package init(reading source: some ByteSource) throws {
        let hasher = SHA256Hasher()
        var chunks: [Chunk] = []
        var size = 0
        try Chunker.each(of: source) { bytes in
            hasher.update(bytes)
            chunks.append(Chunk(length: bytes.count, id: ChunkIndex.id(hasher.finish())))
            size += bytes.count
            guard size <= ChunkIndex.largestBlob, chunks.count <= ChunkIndex.countLimit else {
                throw ContentError("content has more bytes or chunks than are cut", code: .contentTooLarge)
            }
        }
        self.chunks = chunks
        self.size = size
    }

    /// Reads the index of a blob of `size` bytes; nil for what cannot be one: a wrong sum of lengths, or a length that no chunk has.
    package init?(records: [UInt8], size: Int) {
        guard (0...ChunkIndex.largestBlob).contains(size), records.count % ChunkIndex.recordBytes == 0 else { return nil }
        let count = records.count / ChunkIndex.recordBytes
        guard count <= ChunkIndex.countLimit, count > 0 || size == 0 else { return nil }
        var chunks: [Chunk] = []
        chunks.reserveCapacity(count)
        var sum = 0
        for start in stride(from: 0, to: records.count, by: ChunkIndex.recordBytes) {
            let length = records[start..<start + 3].reduce(0) { $0 << 8 | Int($1) }
            let isLast = start + ChunkIndex.recordBytes == records.count
            guard (isLast ? 1 : Chunker.shortest)...Chunker.longest ~= length else { return nil }
            sum += length
            chunks.append(Chunk(length: length, id: ChunkIndex.number(records[(start + 3)..<(start + 9)])))
        }
        guard sum == size else { return nil }
        self.chunks = chunks
        self.size = size
    }

    /// The index with these chunks; nil when their lengths are not `size` together.
    init?(_ chunks: [Chunk], size: Int) {
        guard chunks.count <= ChunkIndex.countLimit, chunks.reduce(0, { $0 + $1.length }) == size else { return nil }
        self.chunks = chunks
        self.size = size
    }

    /// The records: what is sent and kept in files.
    package var records: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(chunks.count * ChunkIndex.recordBytes)
        for chunk in chunks {
            for shift in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: chunk.length >> shift)) }
            ChunkIndex.append(chunk.id, to: &bytes)
        }
        return bytes
    }

    /// The ids alone: what is asked for.
    package var ids: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(chunks.count * ChunkIndex.idBytes)
        for chunk in chunks { ChunkIndex.append(chunk.id, to: &bytes) }
        return bytes
    }

    /// Reads a list of ids; nil for what has no whole number of them, or too many.
    package static func ids(parsing bytes: [UInt8]) -> [UInt64]? {
        guard bytes.count % idBytes == 0, bytes.count / idBytes <= countLimit else { return nil }
        return stride(from: 0, to: bytes.count, by: idBytes).map { number(bytes[$0..<$0 + idBytes]) }
    }

    /// The id of a chunk with this digest.
    package static func id(_ digest: Digest) -> UInt64 { number(digest.bytes[..<idBytes]) }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    private static func append(_ id: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 40, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: id >> UInt64(shift))) }
    }
}
