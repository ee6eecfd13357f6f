import RxArchive
import RxModel
import Testing

@Suite struct `gzip streams` {
    private func refusal(_ bytes: [UInt8]) -> String? {
        do {
            _ = try gunzip(bytes)
            return nil
        } catch {
            return (error as? ContentError)?.message ?? "\(error)"
        }
    }

    @Test func `what goes in comes out, whatever the pieces`() throws {
        let content = noise(300_000) + [UInt8](repeating: 7, count: 300_000)
        let packed = try gzip(content)
        for step in [1, 7, 4096, 1 << 20] {
            #expect(try GzipSource(TricklingSource(packed, step: step)).readAll() == content)
        }
    }

    @Test func `the header holds no time, no name and no system`() throws {
        #expect(try gzip([1, 2, 3]).prefix(10) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
    }

    @Test func `storing and compressing can change in the middle of a stream`() throws {
        let sink = BytesSink()
        let gzip = GzipSink(sink)
        var content: [UInt8] = []
        for round in 0..<20 {
            try gzip.store(round % 2 == 0)
            let part = round % 2 == 0 ? noise(round * 10_000) : [UInt8](repeating: UInt8(round), count: round * 10_000)
            try part.withUnsafeBytes { try gzip.write($0) }
            content += part
        }
        try gzip.finish()
        #expect(try gunzip(sink.bytes) == content)
    }

    @Test func `several members are one stream`() throws {
        #expect(try gunzip(gzip([1, 2]) + gzip([]) + gzip([3])) == [1, 2, 3])
    }

    @Test func `nothing is not a gzip stream`() { #expect(refusal([]) == "the archive is empty, not a gzip stream") }

    @Test func `text is not a gzip stream`() { #expect(refusal(Array("hello".utf8)) == "not a gzip stream") }

    @Test func `every truncation is refused`() throws {
        let packed = try gzip(Array("some content that is worth compressing, compressing, compressing".utf8))
        for count in 1..<packed.count { #expect(refusal(Array(packed[..<count])) == "the gzip stream is cut short") }
    }

    @Test func `data after the end is refused`() throws {
        #expect(refusal(try gzip([1]) + [0]) == "data after the end of the gzip stream")
        #expect(refusal(try gzip([1]) + Array("x".utf8)) == "data after the end of the gzip stream")
    }

    @Test func `a wrong checksum or length is refused in the words of zlib`() throws {
        var packed = try gzip(Array("content".utf8))
        packed[packed.count - 8] ^= 1
        #expect(refusal(packed) == "the gzip stream is damaged: incorrect data check")
        packed[packed.count - 8] ^= 1
        packed[packed.count - 1] ^= 1
        #expect(refusal(packed) == "the gzip stream is damaged: incorrect length check")
    }

    @Test func `what the source throws comes through`() {
        final class Broken: ByteSource {
            func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { throw RegistryError("gone", code: .unreachable) }
        }
        #expect(throws: RegistryError.self) { try GzipSource(Broken()).readAll() }
        #expect(throws: RegistryError.self) { try readArchive(Broken(), stage: Blobs().stage) }
    }
}
