import Foundation
import Glibc
import RxArchive
import RxCrypto
import RxModel
import RxTesting
import Testing

/// Streams of many blobs and what they are compressed with.
@Suite struct `Batch streams` {
    private func noise(_ count: Int) -> [UInt8] {
        [UInt8](FileHandle(forReadingAtPath: "/dev/urandom")!.readData(ofLength: count))
    }

    private func compressed(_ bytes: [UInt8], by step: Int = .max) throws -> [UInt8] {
        let sink = BytesSink()
        let compressor = AdaptiveCompressor(sink)
        try bytes.withUnsafeBytes { whole in
            var start = 0
            while start < whole.count {
                let end = min(whole.count, step == .max ? whole.count : start + step)
                try compressor.write(UnsafeRawBufferPointer(rebasing: whole[start..<end]))
                start = end
            }
        }
        try compressor.finish()
        return sink.bytes
    }

    @Test(arguments: [1, 2, 4095, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 3 << 20]) func `survive compression`(size: Int) throws {
        let text = Array(String(repeating: "all work and no play makes \(size)\n", count: size / 20 + 1).utf8.prefix(size))
        for content in [text, noise(size)] {
            for step in [.max, 1000, 700_000] {
                let packed = try compressed(content, by: step)
                #expect(try ZstdSource(BytesSource(packed)).readAll() == content)
                #expect(try DecodingSource(TricklingSource(packed, step: 1021)).readAll() == content)
            }
        }
        #expect(try zstdCompressed(text).count < max(40, size))
    }

    @Test(arguments: [0, 1, 128 << 10, 3 << 20]) func `are one frame, of as many bytes as were said, however they come`(size: Int) throws {
        for content in [[UInt8](repeating: 65, count: size), noise(size)] {
            for step in [1000, 700_000] {
                let frame = BytesSink()
                let sink = ZstdSink(frame, size: size)
                for start in stride(from: 0, to: size, by: step) {
                    try content[start..<min(start + step, size)].withUnsafeBytes { try sink.write($0) }
                }
                try sink.finish()
                #expect(try ZstdSource(BytesSource(frame.bytes)).readAll() == content)
            }
            #expect(try ZstdSource(BytesSource(zstdCompressed(content))).readAll() == content)
        }
        #expect(throws: ContentError.self, "fewer") { try ZstdSink(BytesSink(), size: size + 1).finish() }
        #expect(throws: ContentError.self, "more") {
            let sink = ZstdSink(BytesSink(), size: size)
            try [UInt8](repeating: 65, count: size + 1).withUnsafeBytes { try sink.write($0) }
            try sink.finish()
        }
    }

    @Test func `are known as plain, gzip or zstd by their first bytes`() throws {
        for content in [[], [1], [0x1F], [0x28, 0xB5], [0x28, 0xB5, 0x2F, 0xFE, 1], Array("hello hello".utf8)] as [[UInt8]] {
            #expect(try DecodingSource(TricklingSource(content, step: 1)).readAll() == content)
        }
        let content = Array("hello hello".utf8)
        #expect(try DecodingSource(TricklingSource(gzip(content), step: 1)).readAll() == content)
        #expect(
            try DecodingSource(TricklingSource(zstdCompressed(content) + zstdCompressed(content), step: 1)).readAll() == content + content)
    }

    @Test func `of zstd that are cut short anywhere, or go on with something else, are refused`() throws {
        let content = Array("hello hello hello hello".utf8)
        let packed = try zstdCompressed(content) + zstdCompressed(content)
        let whole = try zstdCompressed(content).count
        for length in 0..<packed.count where length != whole {
            #expect(throws: ContentError.self, "\(length)") { try ZstdSource(BytesSource(Array(packed.prefix(length)))).readAll() }
        }
        #expect(throws: ContentError.self) { try ZstdSource(BytesSource(packed + [1, 2, 3, 4, 5])).readAll() }
    }

    @Test func `of zstd are frames of RFC 8878, and nothing older, in whatever pieces they come`() throws {
        let content = Array("hello hello".utf8)
        let frame = try zstdCompressed(content)
        // A frame of no content in the format of zstd 0.6, and one of RFC 8878 that is skipped, with three bytes.
        let older: [UInt8] = [0x26, 0xB5, 0x2F, 0xFD, 4, 0, 0, 0]
        let skipped: [UInt8] = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        for step in [1, 3, 4, 1000] {
            for bytes in [older, frame + older, skipped + older + frame] {
                #expect(throws: ContentError.self) { try ZstdSource(TricklingSource(bytes, step: step), bufferBytes: step).readAll() }
            }
            let sound = skipped + frame + skipped + frame + skipped
            #expect(try ZstdSource(TricklingSource(sound, step: step), bufferBytes: step).readAll() == content + content)
        }
    }

    @Test func `of zstd with a window over 2 MiB are refused`() throws {
        // A frame of one raw block with one byte; the sixth byte is the window: RFC 8878, section 3.1.1.1.2.
        func frame(windowLog: UInt8) -> [UInt8] { [0x28, 0xB5, 0x2F, 0xFD, 0, (windowLog - 10) << 3, 9, 0, 0, 65] }
        #expect(try ZstdSource(BytesSource(frame(windowLog: 21))).readAll() == [65])
        #expect(throws: ContentError.self) { try ZstdSource(BytesSource(frame(windowLog: 22))).readAll() }
        #expect(throws: ContentError.self) { try ZstdSource(BytesSource(frame(windowLog: 31))).readAll() }
    }

    @Test func `compresses for a slow sink and hardly for a fast one`() throws {
        // Pauses are only noted, and work counts by the processor time that it takes: other programs are not the network.
        final class Sink: ByteSink {
            let pause: Int
            var count = 0
            var paused = 0
            init(pause: Int) { self.pause = pause }
            func write(_ bytes: UnsafeRawBufferPointer) {
                count += bytes.count
                paused += pause
            }
            var time: Int { paused * 1000 + Int(threadSeconds() * 1e9) }
        }
        var words = "the quick brown fox jumps over a lazy dog while it rains".split(separator: " ")
        var text: [UInt8] = []
        while text.count < 2 << 20 {
            words.shuffle()
            text += Array(words.joined(separator: " ").utf8)
        }
        func sent(_ sink: Sink, _ bytes: [UInt8]) throws -> Int {
            let compressor = AdaptiveCompressor(sink, clock: { sink.time })
            for _ in 0..<24 { try bytes.withUnsafeBytes { try compressor.write($0) } }
            try compressor.finish()
            return sink.count
        }
        let slow = try sent(Sink(pause: 20_000), text)
        let fast = try sent(Sink(pause: 0), text)
        #expect(slow * 2 < text.count * 24, "\(slow) of \(text.count)")
        #expect(fast * 4 > text.count * 24 * 3, "\(fast) of \(text.count)")
        let random = noise(1 << 20)
        #expect(try sent(Sink(pause: 1000), random) >= random.count * 24, "what does not shrink is sent as it is")
    }

    @Test func `are tars that other programs read, as long as was said`() throws {
        let blobs = [[], noise(1), noise(511), noise(512), noise(513), noise(700_000)]
        let folder = try TemporaryFolder()
        let sink = BytesSink()
        let writer = BatchWriter(to: sink)
        for blob in blobs { try writer.add(sha256(blob), size: blob.count, content: TricklingSource(blob, step: 100_000)) }
        try writer.finish()
        #expect(sink.bytes.count == BatchWriter.length(blobs.map(\.count)))
        let path = try folder.write("a.tar", sink.bytes)
        let listed = try run("tar", ["-tf", path]).text.split(separator: "\n").map(String.init)
        #expect(listed == blobs.map { "blobs/sha256/\(sha256($0).hex)" })
        let reader = try BatchReader(BytesSource(sink.bytes))
        for blob in blobs {
            #expect(try reader.next() == BatchEntry(digest: sha256(blob), size: blob.count))
            #expect(try reader.readAll() == blob)
        }
        #expect(try reader.next() == nil)
        let skipping = try BatchReader(BytesSource(sink.bytes))
        for blob in blobs { #expect(try skipping.next()?.size == blob.count) }
        #expect(try skipping.next() == nil)
    }

    @Test func `end when a blob is shorter than was said`() throws {
        let writer = BatchWriter(to: BytesSink())
        let error = #expect(throws: ContentError.self) { try writer.add(sha256([1]), size: 2, content: BytesSource([1])) }
        #expect(error?.code == .contentDamaged)
    }
}
