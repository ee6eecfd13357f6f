import Glibc
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

@Suite struct `A sync for many` {
    private struct Trouble: Error {}

    @Test func `returns to everybody once what they came with is synced, in fewer syncs than there are of them`() throws {
        let synced = Mutex<Set<Int>>([])
        let syncs = Atomic<Int>(0)
        let group = GroupSync<Int> { items in
            usleep(2000)
            syncs.wrappingAdd(1, ordering: .relaxed)
            synced.withLock { $0.formUnion(items) }
        }
        try WorkerPool.forEach(0..<200, threads: 8) { index in
            try group.wait(for: index)
            #expect(synced.withLock { $0.contains(index) })
        }
        #expect(syncs.load(ordering: .relaxed) < 200)
        #expect(synced.withLock { $0.count } == 200)
    }

    @Test func `fails for all of one batch and for nobody else`() throws {
        let group = GroupSync<Int> { items in
            usleep(1000)
            if items.contains(7) { throw Trouble() }
        }
        let failed = Mutex<Set<Int>>([])
        try WorkerPool.forEach(0..<64, threads: 8) { index in
            do { try group.wait(for: index) } catch { failed.withLock { _ = $0.insert(index) } }
        }
        #expect(failed.withLock { $0.contains(7) && $0.count <= 8 })
        try group.wait(for: 1000)
    }

    @Test func `of the catalog's log is believed no more once it has failed, until its bytes are written anew`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        let sync = UploadSync(store.catalog)
        try sync.sync(folder: store.layout.trash)
        // What was synced before is not written anew.
        try store.catalog.write(durably: false) { database, now in
            try database.run("INSERT INTO uploads VALUES ('id', 'r', ?)", .integer(now))
        }
        let log = "\(folder.path)/catalog.sqlite-wal"
        Fault.inject("fdatasync", EIO, under: log)
        Fault.inject("pwrite", EIO, under: log, times: 2)
        defer { Fault.clear(under: log) }
        for _ in 0..<3 { #expect(throws: (any Error).self) { try sync.sync(folder: store.layout.trash) } }
        try sync.sync(folder: store.layout.trash)
    }
}
