import Glibc
import RxChunks
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization
import Testing

@Suite struct `The cache of chunk indexes` {
    private let folder: TemporaryFolder
    private let bytes: [UInt8] = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

    init() throws { folder = try TemporaryFolder() }

    private var blob: StagedBlob { StagedBlob(digest: sha256(bytes), size: bytes.count) }

    @Test func `is made once, however many ask`() throws {
        let cache = ChunkIndexCache(folder: "\(folder.path)/chunks")
        let opened = Mutex(0)
        try WorkerPool.forEach(0..<16, threads: 8) { _ in
            let index = try cache.index(of: blob) {
                opened.withLock { $0 += 1 }
                return BytesSource(bytes)
            }
            #expect(index.size == bytes.count)
        }
        #expect(opened.withLock { $0 } == 1)
    }

    @Test func `keeps the last used within its limit`() throws {
        let index = try ChunkIndex(reading: BytesSource(bytes))
        let cache = ChunkIndexCache(folder: "\(folder.path)/chunks", limit: 3 * index.records.count)
        for number in 0..<6 {
            var other = bytes
            other[0] = UInt8(number + 1)
            _ = try cache.index(of: StagedBlob(digest: sha256(other), size: other.count)) { BytesSource(other) }
        }
        #expect(try Files.names(in: "\(folder.path)/chunks").count == 3)
    }

    @Test func `keeps only what is durable`() throws {
        let cache = ChunkIndexCache(folder: "\(folder.path)/chunks")
        Fault.inject("fdatasync", EIO, under: folder.path)
        defer { Fault.clear(under: folder.path) }
        #expect(try cache.index(of: blob) { BytesSource(bytes) }.size == bytes.count)
        #expect(try cache.cached(blob) == nil && Files.names(in: "\(folder.path)/chunks").isEmpty)
        _ = try cache.index(of: blob) { BytesSource(bytes) }
        #expect(cache.cached(blob) != nil)
    }

    @Test func `refuses a blob of another length, and does without a place to write`() throws {
        let cache = ChunkIndexCache(folder: "\(folder.path)/chunks")
        let wrong = StagedBlob(digest: blob.digest, size: blob.size + 1)
        #expect(throws: ContentError.self) { try cache.index(of: wrong) { BytesSource(bytes) } }
        #expect(cache.cached(wrong) == nil && cache.cached(blob) == nil)
        try folder.write("file", "")
        let nowhere = ChunkIndexCache(folder: "\(folder.path)/file/chunks")
        #expect(try nowhere.index(of: blob) { BytesSource(bytes) }.size == bytes.count)
    }
}
