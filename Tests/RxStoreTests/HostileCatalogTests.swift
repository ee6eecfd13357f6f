import CSQLite
import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

/// Numbers in the catalog that nobody of rx would write.
@Suite struct `A store whose catalog holds numbers that cannot be` {
    let folder: TemporaryFolder
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        try put(["content": "hello", "more": "others"], try definition("a"), in: store)
    }

    private func sql(_ text: String) {
        var handle: OpaquePointer?
        sqlite3_open_v2(store.layout.catalog, &handle, SQLITE_OPEN_READWRITE, nil)
        defer { sqlite3_close_v2(handle) }
        let result = sqlite3_exec(handle, "PRAGMA foreign_keys = OFF; \(text)", nil, nil, nil)
        #expect(result == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    }

    private func verify(repairs: Bool = false) throws -> VerifyReport {
        try store.verify(VerifyOptions(repairs: repairs), with: NoHelp())
    }

    /// Blobs of 2^63 - 1 bytes each that nothing names, and that no file is of.
    private func addHugeBlobs(_ count: Int) {
        sql(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
            INSERT INTO blobs SELECT CAST(printf('%032d', i) AS BLOB), 9223372036854775807, 1 FROM n
            """)
    }

    @Test func `collects, counts and checks blobs whose bytes have no sum`() throws {
        addHugeBlobs(3000)
        #expect(try store.usage().stored.blobs == 3003)
        #expect(try store.usage().stored.bytes == .max)
        let report = try verify()
        #expect(report.isClean && report.leftovers == [.unfinished: 3000] && report.blobs == 3003)
        var options = CollectionOptions()
        options.dryRun = true
        #expect(try store.collect(options).blobs == 3000)
        options.dryRun = false
        let collected = try store.collect(options)
        #expect(collected.blobs == 3000 && collected.bytes == .max)
        #expect(try store.usage().stored == StoreUsage.Amount(blobs: 3, bytes: 13))
    }

    @Test func `finds a blob's huge length and puts it right`() throws {
        sql("UPDATE blobs SET size = 9223372036854775807 WHERE size > 4")
        let evicted = try store.evictCopies(to: 0, sparing: nil, dryRun: true)
        #expect(evicted.copies.isEmpty)
        _ = try store.usage()
        let found = try verify()
        #expect(found.findings.map(\.kind) == [.rowSize, .rowSize], "\(found.findings)")
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
        #expect(try text(sha256(Array("hello".utf8)), in: store) == "hello")
    }

    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "-1", "1099511627777"])
    func `shows times that can be, finds those that cannot, and puts them right`(_ value: String) throws {
        _ = try store.pin(try put(["content": "hello"], try definition("b"), in: store))
        try put(["content": "hello"], try definition("copy"), in: store, registry: "127.0.0.1:1")
        sql("INSERT INTO uses SELECT id, 1 FROM manifests")
        sql("INSERT INTO leases SELECT 'repository a', digest, 1 FROM blobs")
        sql("INSERT INTO uploads VALUES ('00000000-0000-4000-8000-000000000000', 'a', 1)")
        sql("INSERT INTO untagged SELECT id, 1 FROM manifests")
        #expect(try verify().findings.isEmpty)
        sql(
            """
            UPDATE tags SET created_at = \(value), updated_at = \(value); UPDATE blobs SET added_at = \(value); UPDATE leases SET until = \(value);
            UPDATE pins SET pinned_at = \(value); UPDATE uses SET used_at = \(value); UPDATE untagged SET since = \(value);
            UPDATE uploads SET until = \(value)
            """)
        func look() throws {
            let records = try store.search(SearchQuery(text: "")).records
            #expect(records.count == 3)
            for each in records { for time in [each.createdAt, each.updatedAt] { #expect((0...(1 << 40)).contains(time)) } }
            for each in try store.pins() { #expect((0...(1 << 40)).contains(each.pinnedAt)) }
            #expect(try store.explain(.sha256(sha256(Array("hello".utf8))), CollectionOptions()) != nil)
            for each in try store.evictCopies(to: 0, sparing: nil, dryRun: true).copies { #expect((0...(1 << 40)).contains(each.lastUse)) }
            try store.noteUse(of: try #require(records.first { !$0.reference.registry.isEmpty }))
        }
        try look()
        let found = try verify()
        #expect(found.findings.count == 7 && found.findings.allSatisfy { $0.kind.rawValue == "time" }, "\(found.findings)")
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
        try look()
        try put(["content": "hello"], try definition("a"), in: store)
        _ = try store.collect(CollectionOptions())
    }

    @Test(arguments: ["9223372036854775807", "-9223372036854775808"])
    func `shows a manifest's numbers as numbers that can be`(_ value: String) throws {
        sql("UPDATE manifests SET size = \(value), files = \(value)")
        let record = try #require(try store.search(SearchQuery(text: "")).records.first)
        #expect((0...(1 << 53)).contains(record.size) && (0...(1 << 53)).contains(record.fileCount))
        #expect(try !verify().isClean)
        #expect(try verify(repairs: true).isClean)
        #expect(try store.search(SearchQuery(text: "")).records.first?.size == 11)
    }
}
