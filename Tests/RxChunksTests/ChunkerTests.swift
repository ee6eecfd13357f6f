import Foundation
import RxChunks
import RxCrypto
import RxModel
import RxTesting
import Testing

/// The same bytes on every machine: what a vector's `input` describes. Source: Specs/13-chunks, "Vectors".
func content(_ input: JSON) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for part in try #require(input.array) {
        let size = try #require(part["size"]?.int)
        if let seed = part["seed"]?.int {
            bytes += random(size, seed: seed)
        } else if let byte = part["byte"]?.int {
            bytes += [UInt8](repeating: UInt8(byte), count: size)
        }
    }
    return bytes
}

/// `count` bytes of xorshift64*, little endian, from a seed.
func random(_ count: Int, seed: Int) -> [UInt8] {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        withUnsafeBytes(of: (state &* 0x2545_F491_4F6C_DD1D).littleEndian) { bytes.append(contentsOf: $0) }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}

/// Gives its bytes in pieces of an odd length.
final class PiecewiseSource: ByteSource {
    private let source: BytesSource
    private let piece: Int

    init(_ bytes: [UInt8], piece: Int) {
        source = BytesSource(bytes)
        self.piece = piece
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(piece, buffer.count)]))
    }
}

@Suite struct `Chunks` {
    @Test func `are cut where another program cuts them`() throws {
        for vector in try vectors("chunks") {
            if let table = vector["gear"]?.object {
                for (byte, value) in table {
                    #expect(
                        String(GearTable.values[Int(byte)!], radix: 16) == value.string.map { String(UInt64($0, radix: 16)!, radix: 16) })
                }
            }
            guard let input = vector["input"], let lengths = vector["lengths"]?.array?.compactMap(\.int) else { continue }
            let bytes = try content(input)
            let index = try ChunkIndex(reading: BytesSource(bytes))
            #expect(index.chunks.map(\.length) == lengths, "\(vector["name"]?.string ?? "")")
            #expect(Hex.text(index.ids) == vector["ids"]?.string, "\(vector["name"]?.string ?? "")")
            #expect(sha256(index.records).description == vector["index"]?.string, "\(vector["name"]?.string ?? "")")
            #expect(ChunkIndex(records: index.records, size: bytes.count) == index)
        }
    }

    @Test func `do not depend on how the bytes come`() throws {
        let bytes = random(3_000_001, seed: 7)
        let whole = try ChunkIndex(reading: BytesSource(bytes))
        for piece in [1000, 65_537, 1 << 20] { #expect(try ChunkIndex(reading: PiecewiseSource(bytes, piece: piece)) == whole) }
        #expect(whole.chunks.dropLast().allSatisfy { Chunker.shortest...Chunker.longest ~= $0.length })
        #expect(whole.chunks.reduce(0) { $0 + $1.length } == bytes.count)
        #expect(40_000...110_000 ~= bytes.count / whole.chunks.count)
    }

    @Test(arguments: 1...12) func `stay the same but for a few where content changes`(seed: Int) throws {
        var generator = SplitMix(UInt64(seed))
        let before = random(3 << 20, seed: seed)
        var after = before
        let at = Int.random(in: 0..<after.count, using: &generator)
        let length = Int.random(in: 1...100_000, using: &generator)
        switch seed % 4 {
        case 0: after.insert(contentsOf: random(length % 100 + 1, seed: seed + 1000), at: at)
        case 1: after.removeSubrange(at..<min(at + length, after.count))
        case 2:
            let moved = Array(after[at..<min(at + length, after.count)])
            after.removeSubrange(at..<at + moved.count)
            after.insert(contentsOf: moved, at: after.count / 3)
        default: after.removeLast(after.count / 3)
        }
        var map = ChunkMap()
        map.add(try ChunkIndex(reading: BytesSource(before)))
        let index = try ChunkIndex(reading: BytesSource(after))
        let runs = map.runs(index.chunks.map(\.id))
        let delta = Delta(of: index, runs: runs, bases: [sha256(before)])
        // Two places of change at most three, each within a few chunks.
        #expect(delta.freshBytes < 6 * Chunker.longest, "\(delta.freshBytes)")
        #expect(runs.count <= 6)
        #expect(try assembled(delta, of: after, from: [before]) == after)
    }
}

/// A small random number generator that gives the same numbers for a seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// What a delta makes once it was written and read.
func assembled(_ delta: Delta, of blob: [UInt8], from bases: [[UInt8]]) throws -> [UInt8] {
    let encoded = try delta.encoded(of: BytesRegion(blob)).readAll()
    #expect(encoded.count == delta.encodedLength)
    let reader = DeltaReader(BytesSource(encoded), size: blob.count) { digest in
        BytesRegion(try #require(bases.first { sha256($0) == digest }))
    }
    return try reader.readAll()
}
