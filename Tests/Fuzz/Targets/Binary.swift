import RxCrypto
import RxModel

@testable import RxChunks
@testable import RxClient

extension FuzzTarget {
    /// Lists of chunks, deltas and records.
    static let binary: [FuzzTarget] = [
        FuzzTarget("chunks", longest: 256) { bytes in
            var input = Input(bytes)
            let size = input.number(below: 1 << 24)
            if let index = ChunkIndex(records: input.all, size: size) {
                try must(index.records == input.all && index.size == size, "an index is not its records")
                try must(ChunkIndex.ids(parsing: index.ids) == index.chunks.map(\.id), "an index is not its ids")
            }
            if let ids = ChunkIndex.ids(parsing: input.all) { try must(ids.count * ChunkIndex.idBytes == input.rest.count, "ids are lost") }
            try checkDelta(&input)
        },
        FuzzTarget("delta", longest: 300) { bytes in
            var input = Input(bytes)
            let piece = Int(input.byte()) + 1
            let size = input.number(below: 1 << 16)
            func made(_ body: any ByteSource) throws -> (bytes: [UInt8], parts: [Delta.Part])? {
                let reader = DeltaReader(body, size: size) { digest in
                    guard digest.bytes[0] % 8 != 0 else { throw ContentError("no such base") }
                    return BytesRegion((0..<Int(digest.bytes[1]) * 16).map { UInt8(truncatingIfNeeded: $0) })
                }
                guard let bytes = try? reader.drained(limit: size) else { return nil }
                return (bytes, reader.parts)
            }
            let whole = try made(BytesSource(input.all))
            let pieces = try made(PiecesSource(input.all, piece))
            try must(whole?.bytes == pieces?.bytes, "a delta that comes in pieces of \(piece) is another")
            guard let whole else { return }
            try must(whole.bytes.count == size, "a delta makes \(whole.bytes.count) of \(size) bytes")
            try must(whole.parts.reduce(0) { $0 + $1.count } == size, "a delta's parts are not \(size) bytes")
        },
        // A folder, a line feed, and what follows the first line of its record; the digest at the end is put right.
        FuzzTarget("record", longest: 500) { bytes in
            var input = Input(bytes)
            let folder = input.line()
            let body = Array("rx folder 1\n".utf8) + input.all
            let record = body + sha256(body).bytes
            guard let read = FolderRecord(record, for: folder) else { return }
            let again = FolderRecord(read.encoded(for: folder), for: folder)
            try must(again == read, "a record is read as another")
        },
    ]

    /// Two bases and a blob share chunks: whatever a registry says of them, a delta of the blob is the blob.
    private static func checkDelta(_ input: inout Input) throws {
        func index() -> ChunkIndex? {
            let chunks = (0..<Int(input.byte() % 16)).map { _ in
                Chunk(length: Chunker.shortest + Int(input.byte()) * 900, id: UInt64(input.byte() % 32))
            }
            return ChunkIndex(chunks, size: chunks.reduce(0) { $0 + $1.length })
        }
        guard let blob = index(), let first = index(), let second = index() else { return }
        var map = ChunkMap()
        try must(map.add(first) && map.add(second) && map.count == 2, "a base is not taken")
        let ids = blob.chunks.map(\.id)
        let found = map.runs(ids)
        try must(found.reduce(0) { $0 + $1.count } == map.found(ids), "runs have other chunks than were found")
        let told = (0..<Int(input.byte() % 8)).map { _ in
            ChunkRun(
                first: input.wild(), count: input.wild(), base: input.wild(), offset: input.wild(), length: input.wild())
        }
        let zero = Digest(bytes: [UInt8](repeating: 0, count: 32))!
        for runs in [found, told, found + told] {
            let delta = Delta(of: blob, runs: runs, bases: [zero, zero])
            try must(
                delta.freshBytes + delta.copiedBytes == blob.size,
                "a delta has \(delta.freshBytes + delta.copiedBytes) of \(blob.size) bytes")
            _ = delta.encodedLength
            let made = try ChunkIndex(of: delta.parts, size: blob.size, base: { [first, second][$0] }, fresh: { _ in blob })
            try must(made.map { $0.size == blob.size } ?? true, "an index is of another size")
        }
    }
}

extension Delta.Part {
    fileprivate var count: Int {
        switch self {
        case .copy(_, let range), .fresh(let range): range.count
        }
    }
}

extension Input {
    /// A number of 0 or more that is small, or very large.
    fileprivate mutating func wild() -> Int {
        let value = Int(byte())
        return value < 0xF0 ? value : Int.max - (value & 0xF)
    }
}
