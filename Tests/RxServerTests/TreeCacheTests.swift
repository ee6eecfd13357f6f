import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxServer

@Suite struct `Trees that are held` {
    /// A record of so many files, and their tree.
    func resource(_ name: String, files count: Int) throws -> (record: ResourceRecord, tree: ResourceTree) {
        let files = try (0..<count).map { try file("f\(1_000_000 + $0)", name) }
        let manifest = try ResourceManifest(definition: definition(name), files: files)
        let record = ResourceRecord(
            reference: Reference(repository: name, tag: "1"), manifestDigest: Artifact(manifest).digest, tree: manifest.tree, size: 0,
            fileCount: count, definition: manifest.definition, createdAt: 0, updatedAt: 0)
        return (record, ResourceTree(manifest))
    }

    @Test func `are read once and dropped when others were used since`() throws {
        let cache = TreeCache(limit: 3 * 6000)
        var loads: [String] = []
        func use(_ item: (record: ResourceRecord, tree: ResourceTree)) throws {
            let tree = try cache.tree(of: item.record, on: nil) {
                loads.append(item.record.reference.repository)
                return item.tree
            }
            #expect(tree.files == item.tree.files)
        }
        let (a, b, c, d) = (
            try resource("a", files: 9), try resource("b", files: 9), try resource("c", files: 9), try resource("d", files: 9)
        )
        for item in [a, b, c, a, b, c] { try use(item) }
        #expect(loads == ["a", "b", "c"])
        try use(a)
        try use(d)
        for item in [a, c, d] { try use(item) }
        #expect(loads == ["a", "b", "c", "d"], "b is the one that was not used for longest")
        try use(b)
        #expect(loads.last == "b")
        // One that is longer than all that may be held is held alone.
        let big = try resource("big", files: 1000)
        for item in [big, big, a] { try use(item) }
        #expect(loads.suffix(2) == ["big", "a"])
    }

    @Test func `that are long are read one at a time, once for all who ask, and not where nobody may wait`() throws {
        let workers = Workers(long: 1)
        defer { workers.close() }
        let cache = TreeCache()
        let long = [try resource("a", files: TreeCache.longCount + 1), try resource("b", files: TreeCache.longCount + 1)]
        #expect(throws: TreeCache.MustWait.self) { try cache.tree(of: long[0].record, on: nil) { long[0].tree } }
        let loads = Mutex(0)
        let busy = Mutex(0)
        let most = Mutex(0)
        try WorkerPool.forEach(0..<8, threads: 8) { index in
            _ = try cache.tree(of: long[index % 2].record, on: workers) {
                let now = busy.withLock { busy in
                    busy += 1
                    return busy
                }
                most.withLock { $0 = max($0, now) }
                loads.withLock { $0 += 1 }
                usleep(20_000)
                busy.withLock { $0 -= 1 }
                return long[index % 2].tree
            }
        }
        #expect(loads.withLock { $0 } == 2 && most.withLock { $0 } == 1)
        #expect(try cache.tree(of: long[0].record, on: nil) { throw TreeCache.MustWait() }.files.count == TreeCache.longCount + 1)
    }

    @Test func `of another artifact are not held`() throws {
        let cache = TreeCache()
        let item = try resource("a", files: 1)
        let foreign = ResourceRecord(
            reference: item.record.reference, manifestDigest: item.record.manifestDigest, tree: item.record.manifestDigest,
            artifactType: nil, size: 0, fileCount: 1, definition: item.record.definition, createdAt: 0, updatedAt: 0)
        var loads = 0
        for _ in 0..<2 {
            _ = try cache.tree(of: foreign, on: nil) {
                loads += 1
                return item.tree
            }
        }
        #expect(loads == 2)
    }
}
