import RxArchive
import RxModel
import RxTesting
import Testing

@Suite struct `archive bombs` {
    /// A tar.gz with a header and `zeros` bytes after it, made without holding them.
    private func bomb(header: RawTar, zeros: Int) throws -> [UInt8] {
        let sink = BytesSink()
        let gzip = GzipSink(sink)
        try header.bytes.withUnsafeBytes { try gzip.write($0) }
        try copyBytes(from: RepeatingSource(count: zeros), to: gzip)
        try gzip.finish()
        return sink.bytes
    }

    private func message(_ archive: [UInt8], limits: ArchiveLimits = ArchiveLimits()) -> String? {
        do {
            _ = try read(archive, limits: limits)
            return nil
        } catch { return "\(error)" }
    }

    @Test func `a size over the limit is refused from the header`() throws {
        let archive = try bomb(header: RawTar().pax("size", "\(10 << 30)").entry("zeros"), zeros: 1 << 20)
        #expect(message(archive) == "entry \"zeros\": the archive unpacks to more than \(8 << 30) bytes")
    }

    @Test func `zeros behind the end mark are not read for long`() throws {
        let archive = try bomb(header: RawTar().entry("small"), zeros: 512 << 20)
        let before = threadSeconds()
        #expect(message(archive) == "data after the end of the archive")
        #expect(threadSeconds() - before < 1)
    }

    @Test func `a size that is not true is refused`() throws {
        let archive = try bomb(header: RawTar().entry("zeros", size: 100), zeros: 64 << 20)
        #expect(message(archive) == "data after the end of the archive")
    }

    @Test func `many files together are refused where they pass the limit`() throws {
        let tar = (0..<10).reduce(RawTar()) { $0.entry("f\($1)", content: [UInt8](repeating: 0, count: 100)) }
        let limits = ArchiveLimits(maxUnpackedBytes: 950)
        #expect(message(try gzip(tar.closed), limits: limits) == "entry \"f9\": the archive unpacks to more than 950 bytes")
    }

    @Test func `a sparse file is as large as it says`() throws {
        let tar = RawTar().pax([
            ("GNU.sparse.map", Array("0,1".utf8)), ("GNU.sparse.size", Array("\(1 << 60)".utf8)), ("GNU.sparse.numblocks", Array("1".utf8)),
        ]).entry("sparse", content: [1])
        #expect(message(try gzip(tar.closed)) == "entry \"sparse\": the archive unpacks to more than \(8 << 30) bytes")
    }

    @Test func `headers alone cannot grow without end`() throws {
        let one = RawTar().pax("comment", String(repeating: "c", count: 100_000)).entry("d/", kind: "5").bytes
        let sink = BytesSink()
        let gzip = GzipSink(sink)
        for _ in 0..<100 { try one.withUnsafeBytes { try gzip.write($0) } }
        try gzip.finish()
        let limits = ArchiveLimits(maxEntries: 200, maxUnpackedBytes: 1000)
        #expect(message(sink.bytes, limits: limits) == "the archive unpacks to more than is allowed")
    }
}
