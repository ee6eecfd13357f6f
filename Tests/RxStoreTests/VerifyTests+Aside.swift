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

    @Test func `a store that has seen a time far ahead of the clock is told of, and is not damaged`() throws {
        #expect(try verify().clockAhead == nil)
        sql("UPDATE clock SET time = \(Clock.now + 3600)")
        #expect(try verify().clockAhead == nil, "an hour is not far")
        sql("UPDATE clock SET time = \(Clock.now + 80 * 365 * 86_400)")
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
