import Foundation
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Archive cache` {
    private let folder = try! TemporaryFolder()
    private let store = MemoryStore()

    private let workers = Workers(long: 2)

    private func cache(limit: Int = .max) -> ArchiveCache {
        ArchiveCache(folder: folder.path + "/archives", limit: limit, store: store, workers: workers)
    }

    private func sealed(_ cache: ArchiveCache, _ record: ResourceRecord) throws -> SealedArchive {
        let done = Monitor<Result<SealedArchive, any Error>?>(nil)
        cache.archive(of: record) { result in done.update { $0 = result } }
        return try done.wait { $0 }!.get()
    }

    private func bytes(_ cache: ArchiveCache, _ record: ResourceRecord) throws -> [UInt8] {
        let archive = try sealed(cache, record)
        // Those who waited for one build share its descriptor, so nobody may move its offset.
        var bytes = [UInt8](repeating: 0, count: archive.length)
        #expect(try bytes.withUnsafeMutableBytes { try archive.file.read(into: $0, at: 0) } == bytes.count)
        return bytes
    }

    private var names: [String] { (try? RxPosix.Files.names(in: folder.path + "/archives"))?.sorted() ?? [] }

    @Test func `builds once for all who ask at the same time`() throws {
        let record = try put(store, "a:1", ["f": [UInt8](repeating: 7, count: 3_000_000)])
        let cache = cache()
        let whole = try archive(["f": [UInt8](repeating: 7, count: 3_000_000)])
        try WorkerPool.forEach(0..<16, threads: 8) { _ in
            guard try bytes(cache, record) == whole else { throw CocoaError(.coderInvalidValue) }
        }
        #expect(names == ["\(record.manifestDigest.hex).sealed.tar.gz"])
    }

    @Test func `builds again what somebody deleted`() throws {
        let record = try put(store, "a:1", ["f": [1]])
        let cache = cache()
        let first = try bytes(cache, record)
        try FileManager.default.removeItem(atPath: folder.path + "/archives")
        #expect(try bytes(cache, record) == first)
    }

    @Test func `lets the longest unused go first and keeps to its size`() throws {
        let records = try (0..<4).map { try put(store, "a\($0):1", ["f": noise(5000)]) }
        let cache = cache(limit: 21_000)
        for record in records.prefix(3) {
            _ = try bytes(cache, record)
            usleep(20_000)
        }
        _ = try bytes(cache, records[0])
        usleep(20_000)
        _ = try bytes(cache, records[3])
        #expect(names == [records[0], records[2], records[3]].map { "\($0.manifestDigest.hex).sealed.tar.gz" }.sorted())
    }

    @Test func `serves what is larger than its whole size`() throws {
        let record = try put(store, "a:1", ["f": (0..<5000).map { UInt8(truncatingIfNeeded: $0) }])
        #expect(try !bytes(cache(limit: 0), record).isEmpty)
        #expect(names == [])
    }

    @Test func `leaves nothing of a build that fails`() throws {
        let record = try put(store, "a:1", ["f": [UInt8](repeating: 1, count: 100)])
        let cache = cache()
        workers.cancel()
        #expect(throws: RegistryError.self) { try bytes(cache, record) }
        #expect(names == [])
    }

    @Test func `clears away what a killed build left, and only that`() throws {
        let old = try folder.write("archives/old.part", "x")
        try folder.write("archives/new.part", "x")
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: old)
        _ = try bytes(cache(), put(store, "a:1", ["f": [1]]))
        #expect(names.filter { $0.hasSuffix(".part") } == ["new.part"])
    }
}
