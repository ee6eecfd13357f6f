import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxServer

/// Work that takes long, or whose ground goes away under it.
@Suite struct `Slow work` {
    @Test func `of publishes holds up no look at the catalog, and ends when the server stops`() throws {
        let store = DelayedStore()
        try put(store.store, "a:1", ["f": [1]])
        let server = try TestServer(store: store) {
            $0.drainSeconds = 1
            $0.workerThreads = 2
        }
        let request = publishRequest(form(try publishParts(files: ["f": noise(1_000_000)])))
        store.delay.store(300_000_000, ordering: .relaxed)
        let uploads = try (0..<5).map { _ in
            let connection = try server.connect()
            try connection.send(request)
            return connection
        }
        #expect(try server.isBusy(with: 5) && uploads.allSatisfy { try $0.isRead() })
        let asked = Clock.monotonic
        for path in ["resource/a", "resource/a?files=true", "search"] {
            #expect(try server.curl("/api/v1/\(path)", "-o", "/dev/null", "-w", "%{http_code}").text == "200")
        }
        #expect(Clock.monotonic - asked < 100_000_000_000)
        let start = Clock.monotonic
        server.server.stop()
        #expect(1_000_000_000...100_000_000_000 ~= Clock.monotonic - start)
        for connection in uploads {
            let answer = try connection.answer()
            #expect(answer.status == 503)
            #expect(answer.code == "OVERLOADED")
            #expect(answer.headers["Retry-After"] == "1")
        }
        #expect(try store.store.search(SearchQuery(text: "", scope: .own, limit: 10, offset: 0)).total == 1)
        #expect(try server.leftovers() == [])
    }

    @Test func `on an archive whose resource is removed ends as not found, or with the archive`() throws {
        let store = DelayedStore()
        let record = try put(store.store, "a:1", ["f": [1, 2, 3]])
        store.beforeLease.withLock {
            $0 = { [store = store.store] in
                _ = try? store.remove(registry: "", repository: "a", selector: .digest(record.manifestDigest))
                _ = try? store.collect(dryRun: false, leaseTime: nil)
            }
        }
        let gone = try DirectCalls(store: store).call("GET", "/api/v1/content/a")
        #expect(gone.status == 404)
        #expect(gone.code == "RESOURCE_NOT_FOUND")

        try put(store.store, "a:1", ["f": [1, 2, 3]])
        store.beforeLease.withLock { $0 = {} }
        store.afterLease.withLock {
            $0 = { [store = store.store] in
                _ = try? store.remove(registry: "", repository: "a", selector: .digest(record.manifestDigest))
                _ = try? store.collect(dryRun: false, leaseTime: nil)
            }
        }
        let kept = try DirectCalls(store: store).call("GET", "/api/v1/content/a")
        #expect(kept.status == 200)
        #expect(try kept.content == archive(["f": [1, 2, 3]]))
    }

    @Test func `of a publish that loses a blob can be sent again`() throws {
        let store = DelayedStore()
        store.losesBlobs.store(true, ordering: .relaxed)
        let answer = try DirectCalls(store: store).publish(publishParts())
        #expect(answer.status == 503)
        #expect(answer.code == "OVERLOADED")
        #expect(answer.headers["Retry-After"] == "1")
    }

    @Test func `of a reader of the log holds up the end for a moment only`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let start = Clock.monotonic
        do {
            let log = AccessLog(descriptor: ends[1], human: false)
            for _ in 0..<5000 { log.problem(String(repeating: "x", count: 200), id: "i") }
            log.flush()
        }
        // It is never read.
        #expect(Clock.monotonic - start < 60_000_000_000)
    }
}

/// A store in memory whose work can be made slow, or disturbed.
final class DelayedStore: ForwardingStore {
    let store = MemoryStore()
    /// Microseconds before each read of what is staged is passed on.
    let delay = Atomic<Int>(0)
    let losesBlobs = Atomic<Bool>(false)
    let beforeLease = Mutex<@Sendable () -> Void>({})
    let afterLease = Mutex<@Sendable () -> Void>({})

    final class Operation: StoreOperation {
        private let operation: any StoreOperation
        private let owner: DelayedStore

        init(_ operation: any StoreOperation, _ owner: DelayedStore) {
            self.operation = operation
            self.owner = owner
        }

        func stage(_ source: any ByteSource, expecting: Digest?) throws -> StagedBlob {
            let end = Clock.monotonic + owner.delay.load(ordering: .relaxed) * 1000
            while Clock.monotonic < end {
                usleep(5_000)
                _ = try source.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            }
            return try operation.stage(source, expecting: expecting)
        }
        func publish() throws { try operation.publish() }
        func lease(_ blobs: [Digest: Int]) throws -> Set<Digest> {
            owner.beforeLease.withLock { $0 }()
            defer { owner.afterLease.withLock { $0 }() }
            return try operation.lease(blobs)
        }
        func hold(_ record: ResourceRecord) throws { try operation.hold(record) }
        func salvage(_ wanted: [Digest: Int]) throws -> Set<Digest> { try operation.salvage(wanted) }
        func partial(_ digest: Digest, size: Int) throws -> (any PartialBlob)? { try operation.partial(digest, size: size) }
        func commit(_ manifest: ResourceManifest, as reference: Reference) throws -> ResourceRecord {
            if owner.losesBlobs.load(ordering: .relaxed) { throw RegistryError("Blob not found", code: .blobUnknown) }
            return try operation.commit(manifest, as: reference)
        }
        func commit(_ artifacts: [Artifact], as reference: Reference, names: [ContentDigest: Digest]) throws -> ResourceRecord {
            try operation.commit(artifacts, as: reference, names: names)
        }
        func cancel() { operation.cancel() }
    }

    func base() throws -> any Store { store }
    func begin() throws -> any StoreOperation { Operation(try store.begin(), self) }
}
