import CSQLite
import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

/// Files that were touched, healed or set aside, and stores that are not what they seem.
extension `A check of the store` {
    @Test(arguments: [false, true]) func `a blob that others touch while it is hashed is hashed, or read again`(_ writes: Bool) throws {
        let bytes = [UInt8](repeating: 7, count: 16 << 20)
        let blob = StagedBlob(digest: sha256(bytes), size: bytes.count)
        let operation = try store.begin(in: "r")
        _ = try operation.stage(BytesSource(bytes), expecting: blob.digest)
        try operation.publish()
        let path = store.layout.blob(blob.digest)
        let isDone = Atomic(false)
        let toucher = RxPosix.Thread {
            var count = 0
            while !isDone.load(ordering: .relaxed) {
                // Another name for it, as `export --link` makes, or another time, as a tool that copies does; that ends by itself.
                if !writes {
                    _ = link(path, "\(path).link")
                    _ = unlink("\(path).link")
                } else if count < 2 {
                    _ = utimes(path, nil)
                    count += 1
                }
                usleep(500)
            }
        }
        let content = Result { try store.trusted(blob, upTo: .max) }
        isDone.store(true, ordering: .relaxed)
        toucher.join()
        guard case .file(let file) = try content.get() else {
            Issue.record("it was not sent from its file")
            return
        }
        #expect(Int(try file.status().st_size) == blob.size)
        #expect(try Files.status(path) != nil, "it was not set aside")
    }

    @Test func `a blob that was healed while its damaged file was read is read from the new one`() throws {
        let blob = StagedBlob(digest: sha256(Array("hello".utf8)), size: 5)
        try damage("hello", with: "jello")
        let damaged = try store.file(of: blob)
        try Data("hello".utf8).write(to: URL(fileURLWithPath: "\(path("hello")).new"), options: [])
        try Files.rename("\(path("hello")).new", to: path("hello"))
        let file = try store.hashed(blob, damaged)
        #expect(try file.status().st_ino == Files.status(path("hello"))?.st_ino)
        #expect(throws: RegistryError.self) {
            try damage("hello", with: "jello")
            _ = try store.hashed(blob, store.file(of: blob))
        }
    }

    @Test func `files that were set aside go once their blobs are right again, or after 30 days`() throws {
        try damage("hello", with: "jello")
        try damage("others", with: "ohters")
        #expect(try verify(repairs: true).found == 2)
        #expect(try Files.names(in: store.layout.damaged).count == 2)
        _ = try store.collect(CollectionOptions(leaseTime: 0))
        #expect(try Files.names(in: store.layout.damaged).count == 2, "neither is there again")
        try put(["content": "hello"], try definition("b"), in: store)
        _ = try store.collect(CollectionOptions(dryRun: true, leaseTime: 0))
        #expect(try Files.names(in: store.layout.damaged).count == 2, "a dry run deletes nothing")
        try damage("hello", with: "jello")
        _ = try store.collect(CollectionOptions(leaseTime: 0))
        #expect(try Files.names(in: store.layout.damaged).count == 2, "the blob is wrong again")
        try damage("hello", with: "hello")
        _ = try store.collect(CollectionOptions(leaseTime: 0))
        let left = try Files.names(in: store.layout.damaged)
        #expect(left.count == 1 && left[0].hasPrefix(sha256(Array("others".utf8)).hex))
        #expect(DiskStore.damagedTime == 30 * 86_400)
        #expect(try store.forgetDamaged(before: Clock.now - 3600) == 0)
        #expect(try store.forgetDamaged(before: Clock.now + 2) == 1)
        #expect(try Files.names(in: store.layout.damaged).isEmpty)
    }

    @Test(.enabled(if: Fault.available)) func `a file that was set aside and is right after all is put back before it would go`() throws {
        try damage("hello", with: "jello")
        try Files.makeFolders(store.layout.damaged)
        try Files.rename(path("others"), to: "\(store.layout.damaged)/\(sha256(Array("others".utf8)).hex).x")
        try Files.rename(path("hello"), to: "\(store.layout.damaged)/\(sha256(Array("hello".utf8)).hex).y")
        #expect(try kinds(verify()) == [.blobMissing, .blobMissing])
        // Where it cannot be put back now it is kept.
        Fault.inject("rename", ENOSPC, under: store.layout.blobs, times: .max)
        #expect(try store.forgetDamaged(before: Clock.now + 2) == 1)
        Fault.clear(under: store.layout.blobs)
        #expect(try Files.names(in: store.layout.damaged) == ["\(sha256(Array("others".utf8)).hex).x"], "the other one's bytes are wrong")
        #expect(try store.forgetDamaged(before: Clock.now + 2) == 1)
        #expect(try Files.names(in: store.layout.damaged).isEmpty)
        #expect(try store.open(sha256(Array("others".utf8))).readAll() == Array("others".utf8))
        #expect(try verify().findings.map(\.digest) == [sha256(Array("hello".utf8))])
    }

    @Test func `sizes and times of a damaged catalog end no command, and are put right`() throws {
        let (most, least) = (Int.max, Int.min)
        #expect(try store.pin(try #require(try store.resolve(registry: "", repository: "a", selector: .tag("latest")))))
        let operation = try store.begin()
        _ = try operation.stage(BytesSource([1]), expecting: nil)
        _ = try operation.stage(BytesSource([2]), expecting: nil)
        try operation.publish()
        let upload = try store.beginUpload(in: "r")
        try upload.keep()
        let count = try #require(try store.catalog.read { try $0.first("SELECT count(*) FROM blobs") { $0.int(0) } })
        sql("UPDATE blobs SET size = \(most), added_at = \(least)")
        sql("UPDATE manifests SET size = \(most), files = \(most)")
        sql("UPDATE tags SET created_at = \(least), updated_at = \(most); UPDATE pins SET pinned_at = \(most)")
        sql("UPDATE leases SET until = \(most); UPDATE uploads SET until = \(most)")
        sql("INSERT INTO uses SELECT id, \(most) FROM manifests; INSERT INTO untagged SELECT id, \(least) FROM manifests")
        let record = try #require(try store.resolve(registry: "", repository: "a", selector: .tag("latest")))
        #expect(record.size == Database.largestSize && record.fileCount == Database.largestSize)
        #expect(record.createdAt == 0 && record.updatedAt == Database.latestTime)
        #expect(try store.pins().map(\.pinnedAt) == [Database.latestTime])
        #expect(try store.usage().stored.bytes == count * Database.largestSize)
        #expect(throws: RegistryError.self) { try store.size(of: sha256([1])) }
        _ = try store.explain(.sha256(record.manifestDigest), CollectionOptions())
        _ = try store.evictCopies(to: 0, sparing: nil, dryRun: true)
        _ = try verify(sample: 3)
        let found = try verify()
        #expect(Set(kinds(found)) == [.rowSize, .manifestFacts, .catalog])
        #expect(found.bytes == count * Database.largestSize)
        for what in ["blobs", "leases", "uploads", "tags", "untagged", "pins", "uses"] {
            #expect(
                found.findings.contains { $0.kind == .catalog && $0.message.contains("of \(what) have a time that cannot be") }, "\(what)")
        }
        _ = try store.collect(CollectionOptions(dryRun: true))
        let repaired = try verify(repairs: true)
        #expect(repaired.isClean && repaired.found == found.found, "\(repaired.findings)")
        let again = try verify()
        #expect(again.isClean && again.findings.isEmpty, "\(again.findings)")
        let now = Clock.now
        let times = try store.catalog.read { database in
            try database.rows("SELECT until FROM leases UNION ALL SELECT until FROM uploads UNION ALL SELECT updated_at FROM tags") {
                $0.int(0)
            }
        }
        #expect(times.count >= 4 && times.allSatisfy { $0 <= now + store.uploadTime }, "\(times)")
    }

    @Test func `garbage of any size is collected`() throws {
        let operation = try store.begin()
        let blobs = try [1, 2].map { try operation.stage(BytesSource([$0]), expecting: nil).digest }
        try operation.publish()
        operation.cancel()
        sql("UPDATE blobs SET size = \(Int.max) WHERE size = 1")
        let dry = try store.collect(CollectionOptions(dryRun: true))
        #expect(dry.blobs == 2 && dry.bytes == 2 * Database.largestSize)
        #expect(try store.collect(CollectionOptions()).deleted == dry.deleted)
        #expect(try blobs.allSatisfy { blob in try !store.catalog.read { try $0.hasBlob(blob) } })
        // More of it than a number can say.
        #expect(Int.max.bounded(plus: 1) == Int.max && 1.bounded(plus: 2) == 3)
        sql(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            INSERT INTO blobs SELECT randomblob(32), \(Int.max), 0 FROM n
            """)
        #expect(try store.usage().unnamed.bytes == Int.max)
        #expect(try verify().bytes == Int.max)
        #expect(try store.collect(CollectionOptions(dryRun: true)).bytes == Int.max)
        #expect(try store.collect(CollectionOptions()).bytes == Int.max)
    }

    @Test func `a store that has seen a time far ahead of the clock is told of, and is not damaged`() throws {
        #expect(try verify().clockAhead == nil)
        sql("UPDATE clock SET now = \(Clock.now + 3600)")
        #expect(try verify().clockAhead == nil, "an hour is not far")
        sql("UPDATE clock SET now = \(Clock.now + 80 * 365 * 86_400)")
        let report = try verify()
        #expect(report.isClean && report.clockAhead.map { $0 / 86_400 >= 80 * 365 - 1 } == true)
    }

    @Test func `a folder that holds no store is refused, and stays as it is`() throws {
        try DiskStore.checkPresent(in: folder.path)
        let other = try TemporaryFolder()
        for path in [other.path, other.path + "/absent"] {
            let error = #expect(throws: RegistryError.self) { try DiskStore.checkPresent(in: path) }
            #expect(error?.message == "there is no store in \(path)" && error?.hint != nil)
        }
        #expect(try Files.names(in: other.path).isEmpty)
    }
}
