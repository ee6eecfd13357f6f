import RxChunks
import RxCrypto
import RxModel
import Testing

@Suite struct `Deltas` {
    private let base = random(300_000, seed: 1)

    private func number(_ value: Int) -> [UInt8] { stride(from: 32, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) } }

    private func copy(_ base: UInt8, _ length: Int, _ offset: Int) -> [UInt8] { [base] + number(length) + number(offset) }

    private func fresh(_ bytes: [UInt8]) -> [UInt8] { [0] + number(bytes.count) + bytes }

    private func read(_ body: [UInt8], size: Int, piece: Int = 1000) throws -> [UInt8] {
        try DeltaReader(PiecewiseSource(body, piece: piece), size: size) { digest in
            guard digest == sha256(base) else { throw RegistryError.blobNotFound(digest) }
            return BytesRegion(base)
        }.readAll()
    }

    private var head: [UInt8] { [1] + sha256(base).bytes }

    @Test func `make blobs of parts in any order`() throws {
        let body = head + copy(1, 1000, 5000) + fresh([1, 2, 3]) + copy(1, 10, 299_990)
        let expected = Array(base[5000..<6000]) + [1, 2, 3] + Array(base[299_990...])
        for piece in [1, 7, 100_000] { #expect(try read(body, size: 1013, piece: piece) == expected) }
    }

    @Test func `are refused when they are cut off anywhere`() throws {
        let body = head + copy(1, 1000, 5000) + fresh([1, 2, 3])
        for count in 0..<body.count {
            #expect(throws: ContentError.self, "\(count)") { try read(Array(body[..<count]), size: 1003) }
        }
    }

    @Test func `are refused when they lie`() throws {
        let lies: [(String, [UInt8], Int)] = [
            ("no base", [0], 10), ("too many bases", [17] + [UInt8](repeating: 0, count: 32 * 17), 10),
            ("an unknown base number", head + copy(2, 10, 0), 10), ("behind the base", head + copy(1, 10, 299_991), 10),
            ("far behind the base", head + copy(1, 10, (1 << 40) - 1), 10), ("an empty copy", head + copy(1, 0, 0), 10),
            ("an empty part", head + fresh([]), 10), ("more than the size", head + copy(1, 11, 0), 10),
            ("less than the size", head + copy(1, 9, 0), 10), ("a length of a terabyte", head + copy(1, (1 << 40) - 1, 0), 10),
            ("more after the end", head + copy(1, 10, 0) + fresh([1]), 10),
        ]
        for (name, body, size) in lies { #expect(throws: ContentError.self, "\(name)") { try read(body, size: size) } }
        let unknown = [1] + [UInt8](repeating: 9, count: 32) + copy(1, 10, 0)
        #expect(throws: RegistryError.self) { try read(unknown, size: 10) }
    }

    @Test func `do not turn a few bytes into the work of many`() throws {
        let whole = copy(1, base.count, 0)
        #expect(try read(head + whole + whole + whole + whole, size: 4 * base.count).count == 4 * base.count)
        let body = head + (0..<100).flatMap { _ in whole }
        #expect(throws: ContentError.self) { try read(body, size: 100 * base.count) }
    }

    @Test func `have a limit of parts`() throws {
        let most = head + (0..<Delta.partLimit).flatMap { copy(1, 1, $0) }
        #expect(try read(most, size: Delta.partLimit) == Array(base[..<Delta.partLimit]))
        #expect(throws: ContentError.self) { try read(most + copy(1, 1, 0), size: Delta.partLimit + 1) }
    }

    @Test func `leave out runs that contradict the blob`() throws {
        let blob = random(1 << 20, seed: 2)
        let index = try ChunkIndex(reading: BytesSource(blob))
        let first = index.chunks[0].length
        let wrong = [
            ChunkRun(first: 0, count: 1, base: 0, offset: 0, length: first + 1),
            ChunkRun(first: 0, count: 1, base: 1, offset: 0, length: first),
            ChunkRun(first: 0, count: 1, base: -1, offset: 0, length: first), ChunkRun(first: 0, count: 0, base: 0, offset: 0, length: 0),
            ChunkRun(first: 0, count: .max, base: 0, offset: 0, length: first),
            ChunkRun(first: .max, count: 1, base: 0, offset: 0, length: 1),
            ChunkRun(first: 0, count: 1, base: 0, offset: -1, length: first),
            ChunkRun(first: 0, count: 1, base: 0, offset: .max, length: first),
        ]
        for run in wrong {
            let delta = Delta(of: index, runs: [run], bases: [sha256(blob)])
            #expect(delta.parts == [.fresh(0..<blob.count)], "\(run)")
        }
        let right = ChunkRun(first: 1, count: 2, base: 0, offset: first, length: index.chunks[1].length + index.chunks[2].length)
        let delta = Delta(of: index, runs: [right, right], bases: [sha256(blob)])
        #expect(delta.parts.count == 3 && delta.copiedBytes == right.length && delta.freshBytes == blob.count - right.length)
        #expect(try assembled(delta, of: blob, from: [blob]) == blob)
    }
}

@Suite struct `Chunk indexes` {
    @Test func `are read only when they can be one`() throws {
        let index = try ChunkIndex(reading: BytesSource(random(1 << 20, seed: 3)))
        let written = index.records
        #expect(ChunkIndex(records: written, size: index.size) == index)
        #expect(ChunkIndex(records: written, size: index.size - 1) == nil)
        #expect(ChunkIndex(records: Array(written.dropLast()), size: index.size) == nil)
        #expect(ChunkIndex(records: Array(written.dropLast(9)), size: index.size) == nil)
        #expect(ChunkIndex(records: [], size: index.size) == nil)
        #expect(ChunkIndex(records: [UInt8](repeating: 0, count: written.count), size: index.size) == nil)
        // A length that no chunk has, although the sum is right.
        let short = records(of: [Chunker.shortest - 1, Chunker.shortest + 1])
        #expect(ChunkIndex(records: short, size: 2 * Chunker.shortest) == nil)
        #expect(ChunkIndex(records: records(of: [Chunker.longest + 1]), size: Chunker.longest + 1) == nil)
        #expect(ChunkIndex(records: [], size: 0)?.chunks.isEmpty == true)
        #expect(ChunkIndex.ids(parsing: [1, 2, 3, 4, 5]) == nil && ChunkIndex.ids(parsing: [1, 2, 3, 4, 5, 6]) == [0x0102_0304_0506])
    }

    private func records(of lengths: [Int]) -> [UInt8] {
        lengths.flatMap { length in [16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + [0, 0, 0, 0, 0, 1] }
    }

    @Test func `find neighbours together, also where content repeats`() {
        func index(_ ids: [UInt64]) -> ChunkIndex {
            let bytes = ids.flatMap { id in [UInt8(0), 0x80, 0] + (0..<6).map { UInt8(truncatingIfNeeded: id >> (40 - 8 * UInt64($0))) } }
            return ChunkIndex(records: bytes, size: ids.count * 0x8000)!
        }
        var map = ChunkMap()
        #expect(outcome(map.add(index([1, 2, 3, 9, 9, 9, 4]))))
        #expect(outcome(map.add(index([2, 3, 5, 6]))))
        let runs = map.runs([1, 2, 3, 7, 2, 3, 5, 9, 9, 9, 4, 6])
        #expect(map.found([1, 7, 5]) == 2)
        #expect(
            runs.map { [$0.first, $0.count, $0.base, $0.offset / 0x8000, $0.length / 0x8000] } == [
                [0, 3, 0, 0, 3], [4, 2, 0, 1, 2], [6, 1, 1, 2, 1], [7, 4, 0, 3, 4], [11, 1, 1, 3, 1],
            ])
        #expect(map.runs([1, 2, 3, 7, 2, 3, 5], limit: 1).count == 1)
    }
}

@Suite struct `Compressed media` {
    @Test func `are told by name and by their first bytes`() {
        for name in ["a.gz", "dir/b.TGZ", "c.tar.zst", "film.mp4", "x.docx", "p.JPEG"] { #expect(CompressedMedia.isNamed(name)) }
        for name in ["a", "gz", "a.tar", "a.gz/b", "data.bin", "model.safetensors"] { #expect(!CompressedMedia.isNamed(name)) }
        #expect(CompressedMedia.begins([0x1F, 0x8B, 8, 0]))
        #expect(CompressedMedia.begins(Array("PK\u{3}\u{4}....".utf8)))
        #expect(CompressedMedia.begins([0, 0, 0, 0x20] + Array("ftypisom".utf8)))
        #expect(CompressedMedia.begins(Array("RIFF1234WEBP".utf8)) && !CompressedMedia.begins(Array("RIFF1234WAVE".utf8)))
        #expect(!CompressedMedia.begins([]) && !CompressedMedia.begins(Array("hello, this is text".utf8)))
    }
}

/// What a call that changes its value gave: `#expect` takes no such call itself.
func outcome(_ value: Bool) -> Bool { value }
