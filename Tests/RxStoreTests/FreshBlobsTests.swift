import CSQLite
import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

/// A small upload is durable by the catalog's log alone, until its file is.
@Suite struct `A small upload` {
    let folder: TemporaryFolder
    let bytes = Array("abcd".utf8)
    var digest: Digest { sha256(bytes) }

    init() throws { folder = try TemporaryFolder() }

    func upload(_ bytes: [UInt8], as name: ContentDigest? = nil, in store: DiskStore) throws {
        let upload = try store.beginUpload(in: "r")
        try bytes.withUnsafeBytes { try upload.append($0) }
        _ = try upload.finish(as: name ?? .sha256(sha256(bytes)))
    }

    func rows(_ store: DiskStore) throws -> [FreshRow] { try store.catalog.read { try $0.freshRows() } }

    func content(_ digest: Digest, in store: DiskStore) throws -> [UInt8] { try store.open(digest).readAll() }

    /// What is on the disk after a power failure: the catalog as far as its log was synced, and of the blobs what `lose` leaves.
    private func afterPowerFailure(_ store: DiskStore, lose: (DiskStore, StoreLayout) throws -> Void) throws -> (TemporaryFolder, DiskStore)
    {
        let after = try TemporaryFolder()
        let layout = StoreLayout(root: after.path)
        try layout.prepare()
        for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
            try FileManager.default.copyItem(atPath: "\(store.root)/\(name)", toPath: "\(after.path)/\(name)")
        }
        try lose(store, layout)
        return (after, try DiskStore(at: after.path))
    }

    @Test(arguments: [0, 1, 4096, 128 << 10]) func `waits for the catalog's log and for nothing else`(size: Int) throws {
        let store = try DiskStore(at: folder.path)
        let bytes = [UInt8](repeating: 7, count: size)
        for call in ["fsync", "syncfs"] { Fault.inject(call, EIO, under: folder.path, times: .max) }
        defer { Fault.clear(under: folder.path) }
        try upload(bytes, in: store)
        #expect(try content(sha256(bytes), in: store) == bytes)
        #expect(try rows(store).map(\.size) == [size])
        let mode = try #require(try Files.status(store.layout.blob(sha256(bytes)))).st_mode
        #expect(mode & 0o777 == 0o444)
        Fault.inject("fdatasync", EIO, under: folder.path)
        #expect(throws: PosixError.self) { try upload([1], in: store) }
    }

    @Test func `is one of up to 128 KiB that this process saw from its start; any other is synced by itself`() throws {
        let long = [UInt8](repeating: 7, count: (128 << 10) + 1)
        let store = try DiskStore(at: folder.path)
        let name = try {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            try bytes.withUnsafeBytes { try upload.append($0) }
            return upload.name
        }()
        let other = try DiskStore(at: folder.path)
        Fault.inject("fsync", EIO, under: folder.path, times: .max)
        #expect(throws: PosixError.self) { try upload(long, in: store) }
        #expect(throws: PosixError.self) { try other.upload(name, in: "r")?.finish(as: .sha256(digest)) }
        Fault.clear(under: folder.path)
        try upload(long, in: store)
        #expect(try rows(store).isEmpty)
    }

    @Test func `may come in several requests, and be named by its SHA-512`() throws {
        let store = try DiskStore(at: folder.path)
        Fault.inject("fsync", EIO, under: folder.path, times: .max)
        defer { Fault.clear(under: folder.path) }
        let name = ContentDigest.sha256(digest)
        let session = try {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            try bytes[..<2].withUnsafeBytes { try upload.append($0) }
            return upload.name
        }()
        let rest = try #require(try store.upload(session, in: "r"))
        try bytes[2...].withUnsafeBytes { try rest.append($0) }
        #expect(try rest.finish(as: name).size == 4)
        let other = Array("other".utf8)
        let second = SHA512Hasher()
        other.withUnsafeBytes { second.update($0) }
        let long = second.finish()
        try upload(other, as: long, in: store)
        #expect(try rows(store).count == 2)
        let (root, after) = try afterPowerFailure(store) { _, _ in }
        defer { withExtendedLifetime(root) {} }
        #expect(try content(digest, in: after) == bytes)
        #expect(try after.blob(long, in: "r", leasing: false)?.size == 5)
        #expect(try content(sha256(other), in: after) == other)
    }

    /// What a power failure makes of a file that was never synced.
    @Test(arguments: ["gone", "empty", "short", "zeros", "long", "whole", "in the trash"]) func `is whole after a power failure`(
        left: String
    ) throws {
        let store = try DiskStore(at: folder.path)
        try upload(bytes, in: store)
        try upload([], in: store)
        let (root, after) = try afterPowerFailure(store) { _, layout in
            let path = layout.blob(digest)
            let contents = ["empty": "", "short": "ab", "zeros": "\0\0\0\0", "long": "abcde", "whole": "abcd"]
            if let content = contents[left] { try Data(content.utf8).write(to: URL(fileURLWithPath: path)) }
            if left == "in the trash" { try Data("ab\0\0".utf8).write(to: URL(fileURLWithPath: "\(layout.trash)/\(digest.hex).x")) }
        }
        #expect(try content(digest, in: after) == bytes)
        #expect(try content(sha256([]), in: after) == [])
        #expect(try after.blob(.sha256(digest), in: "r", leasing: false)?.size == 4)
        // What was written anew is on the disk; what was found right is known to be after the next drain.
        #expect(try rows(after).count == (left == "whole" ? 1 : 0))
        try after.fresh.drain()
        #expect(try rows(after).isEmpty)
        #expect(try after.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
        withExtendedLifetime(root) {}
    }

    @Test func `is whole after a power failure when its log was moved into the database`() throws {
        let store = try DiskStore(at: folder.path)
        try upload(bytes, in: store)
        var handle: OpaquePointer?
        sqlite3_open_v2(store.layout.catalog, &handle, SQLITE_OPEN_READWRITE, nil)
        sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil)
        sqlite3_close_v2(handle)
        #expect(try #require(try Files.status("\(store.layout.catalog)-wal")).st_size == 0)
        let (root, after) = try afterPowerFailure(store) { _, _ in }
        defer { withExtendedLifetime(root) {} }
        #expect(try content(digest, in: after) == bytes)
    }

    @Test func `is whole after a power failure, also when the first to look after it is killed and another waits`() throws {
        let store = try DiskStore(at: folder.path)
        try upload(bytes, in: store)
        let after = try TemporaryFolder()
        let layout = StoreLayout(root: after.path)
        try layout.prepare()
        for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
            try FileManager.default.copyItem(atPath: "\(store.root)/\(name)", toPath: "\(after.path)/\(name)")
        }
        let fresh = try FreshBlobs(layout, Catalog(path: layout.catalog), leaseTime: 3600)
        // What the first one has; a killed process gives it back in any order.
        let held = try [layout.catalogLock, layout.freshLock].map { path in
            let file = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
            #expect(flock(file.number, LOCK_EX | LOCK_NB) == 0)
            return file
        }
        let failure = Monitor<(any Error)?>(nil)
        let second = RxPosix.Thread { do { try fresh.recover() } catch { failure.update { $0 = error } } }
        usleep(100_000)
        for file in held {
            flock(file.number, LOCK_UN)
            usleep(50_000)
        }
        second.join()
        #expect(failure.update { $0 } == nil)
        #expect(try Files.read(layout.blob(digest)) == bytes)
    }

    /// The file has its name, and its transaction was not committed.
    @Test(arguments: ["abXd", "abcd", "ab", "ab\0\0"]) func `that was never reported may be lost, and leaves nothing that is believed`(
        left: String
    ) throws {
        let store = try DiskStore(at: folder.path)
        try Data(left.utf8).write(to: URL(fileURLWithPath: store.layout.blob(digest)))
        // Held open: the number of a file that is gone may be the next one's.
        let held = try FileDescriptor.open(store.layout.blob(digest), O_RDONLY)
        #expect(try store.blob(.sha256(digest), in: "r", leasing: false) == nil)
        #expect(throws: RegistryError.self) { try store.size(of: digest) }
        #expect(try store.begin().lease([digest: 4]).isEmpty)
        #expect(try store.collect(dryRun: true, leaseTime: 0).leftovers == 1)
        try upload(bytes, in: store)
        #expect(try content(digest, in: store) == bytes)
        #expect(try Files.status(store.layout.blob(digest))?.st_ino != held.status().st_ino)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
    }

    @Test func `that was never reported and that a killed collection had moved aside is not taken for the blob`() throws {
        try upload(bytes, in: DiskStore(at: folder.path))
        let store = try DiskStore(at: folder.path)
        try store.fresh.drain()
        try Files.rename(store.layout.blob(digest), to: "\(store.layout.trash)/orphan.\(digest.hex).x")
        let again = try DiskStore(at: folder.path)
        #expect(try again.blob(.sha256(digest), in: "r", leasing: false) == nil)
        #expect(try Files.names(in: store.layout.trash).isEmpty)
    }

    @Test(arguments: ["rename", "fchmod", "fdatasync", "write"]) func `whose end fails stores nothing unseen and can be sent again`(
        call: String
    ) throws {
        let store = try DiskStore(at: folder.path)
        let name = try {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            try bytes.withUnsafeBytes { try upload.append($0) }
            Fault.inject(call, EIO, under: folder.path)
            defer { Fault.clear(under: folder.path) }
            #expect(throws: (any Error).self) { try upload.finish(as: .sha256(digest)) }
            return upload.name
        }()
        // Behind the commit it is there; nobody was told that it will stay.
        let isThere = call == "fdatasync"
        #expect(try (store.blob(.sha256(digest), in: "r", leasing: false) != nil) == isThere)
        #expect(try (Files.status(store.layout.blob(digest)) != nil) == isThere)
        #expect(try rows(store).count == (isThere ? 1 : 0))
        #expect(try (store.upload(name, in: "r") != nil) == (call == "rename" || call == "write"))
        let again = try DiskStore(at: folder.path)
        try upload(bytes, in: again)
        #expect(try content(digest, in: again) == bytes)
    }

    @Test func `is forgotten by the log when one sync of the file system has made its file durable`() throws {
        let store = try DiskStore(at: folder.path)
        for index in 0..<20 { try upload([UInt8(index)], in: store) }
        #expect(try rows(store).count == 20)
        try store.fresh.drain()
        #expect(try rows(store).isEmpty)
        #expect(try content(sha256([3]), in: store) == [3])
    }

    @Test(arguments: [1, 9]) func `whose file perhaps failed to reach the disk is written anew, and from then on each is synced by itself`(
        count: UInt8
    ) throws {
        let store = try DiskStore(at: folder.path)
        for index in 0..<count { try upload([index], in: store) }
        Fault.inject("syncfs", EIO, under: folder.path)
        defer { Fault.clear(under: folder.path) }
        #expect(throws: PosixError.self) { try store.fresh.drain() }
        #expect(try rows(store).count == Int(count))
        // As the page cache may be after a failed write, once the pages had to go.
        try Files.remove(store.layout.blob(sha256([0])))
        try Data([99]).write(to: URL(fileURLWithPath: store.layout.blob(sha256([0]))))
        // Held open: the number of a file that is gone may be the next one's.
        let held = try FileDescriptor.open(store.layout.blob(sha256([0])), O_RDONLY)
        Fault.inject(count > 4 ? "syncfs" : "fsync", EIO, under: folder.path)
        #expect(throws: PosixError.self) { try store.fresh.drain() }
        #expect(try rows(store).count == Int(count))
        try store.fresh.drain()
        #expect(try rows(store).isEmpty)
        for index in 0..<count { #expect(try content(sha256([index]), in: store) == [index]) }
        #expect(try Files.status(store.layout.blob(sha256([0])))?.st_ino != held.status().st_ino)
        Fault.inject("fsync", EIO, under: folder.path)
        #expect(throws: PosixError.self) { try upload(bytes, in: store) }
        #expect(try rows(store).isEmpty)
    }

    @Test func `of a process that died is written anew by a collection of another, which cannot know that it is durable`() throws {
        let store = try DiskStore(at: folder.path)
        do { try upload(bytes, in: DiskStore(at: folder.path)) }
        // Held open: the number of a file that is gone may be the next one's.
        let held = try FileDescriptor.open(store.layout.blob(digest), O_RDONLY)
        try store.fresh.drain()
        #expect(try rows(store).count == 1, "its own only")
        _ = try store.collect(dryRun: true, leaseTime: nil)
        #expect(try rows(store).count == 1)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
        #expect(try rows(store).isEmpty && Files.status(store.layout.blob(digest))?.st_ino != held.status().st_ino)
        #expect(try content(digest, in: store) == bytes)
    }

    @Test func `of another process that came since a collection began is left to it`() throws {
        let (store, other) = (try DiskStore(at: folder.path), try DiskStore(at: folder.path))
        try upload([1], in: other)
        let newest = try store.fresh.newest()
        try upload(bytes, in: other)
        try store.fresh.drain(othersTo: newest)
        #expect(try rows(store).map(\.digest) == [digest])
    }

    @Test func `of a process that died waits while the disk is full, and a collection makes room all the same`() throws {
        let store = try DiskStore(at: folder.path)
        do { try upload(bytes, in: DiskStore(at: folder.path)) }
        let garbage = try store.begin()
        _ = try garbage.stage(BytesSource([1, 2, 3]), expecting: nil)
        try garbage.publish()
        garbage.cancel()
        Fault.inject("write", ENOSPC, under: folder.path + "/staging", times: .max)
        defer { Fault.clear(under: folder.path + "/staging") }
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 1)
        #expect(try rows(store).count == 1)
        Fault.clear(under: folder.path + "/staging")
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
        #expect(try rows(store).isEmpty)
        #expect(try content(digest, in: store) == bytes)
    }

    @Test func `that was deleted and collected is not written anew`() throws {
        let store = try DiskStore(at: folder.path)
        try upload(bytes, in: store)
        try store.catalog.write { database, _ in try database.run("DELETE FROM leases") }
        let ids = try rows(store).map(\.id)
        // No drain: as a collection sees a blob that was put behind its own drain.
        try store.catalog.write { database, _ in try database.run("DELETE FROM blobs") }
        #expect(try rows(store).isEmpty, "a row goes with its blob's")
        try store.fresh.rewrite(ids)
        #expect(try store.catalog.read { try $0.hasBlob(digest) } == false)
        try upload(bytes, in: store)
        #expect(try rows(store).allSatisfy { !ids.contains($0.id) }, "no number is used again")
        try store.catalog.write { database, _ in try database.run("DELETE FROM leases") }
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 1)
        #expect(try rows(store).isEmpty && Files.status(store.layout.blob(digest)) == nil)
    }

    @Test func `never replaces a blob that is there by a file that is not durable`() throws {
        let store = try DiskStore(at: folder.path)
        try upload(bytes, in: store)
        try store.fresh.drain()
        Fault.inject("fsync", EIO, under: folder.path)
        defer { Fault.clear(under: folder.path) }
        #expect(throws: PosixError.self) { try upload(bytes, in: store) }
        #expect(try content(digest, in: store) == bytes)
        try upload(bytes, in: store)
        #expect(try rows(store).isEmpty)
        #expect(try content(digest, in: store) == bytes)
    }

    @Test func `that is found damaged is repaired by the next put, or by the log when the store is opened`() throws {
        let store = try DiskStore(at: folder.path)
        func damage(_ store: DiskStore) throws {
            let path = store.layout.blob(digest)
            try Files.remove(path)
            try Data("abXd".utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: ContentError.self) { try content(digest, in: store) }
            #expect(try store.blob(.sha256(digest), in: "r", leasing: false) == nil)
        }
        try upload(bytes, in: store)
        try damage(store)
        #expect(try rows(store).count == 1)
        try upload(bytes, in: store)
        #expect(try content(digest, in: store) == bytes)
        try damage(store)
        let (root, after) = try afterPowerFailure(store) { _, _ in }
        defer { withExtendedLifetime(root) {} }
        #expect(try content(digest, in: after) == bytes)
        // What has no file when it is drained is no less damaged than before.
        try store.fresh.drain()
        #expect(try store.blob(.sha256(digest), in: "r", leasing: false) == nil)
        try upload(bytes, in: store)
        #expect(try content(digest, in: store) == bytes)
    }

    @Test func `of many stores at once, beside drains, collections and failing syncs, is whole, and its row goes`() throws {
        let stores = try (0..<3).map { _ in try DiskStore(at: folder.path) }
        try WorkerPool.forEach(0..<240, threads: 8) { index in
            let store = stores[index % 3]
            let bytes = Array("\(index % 40)".utf8)
            switch index % 12 {
            case 5: try store.fresh.drain(othersTo: index % 24 == 5 ? .max : 0)
            case 9: _ = try store.collect(dryRun: false, leaseTime: nil)
            default:
                try upload(bytes, in: store)
                #expect(try content(sha256(bytes), in: stores[(index + 1) % 3]) == bytes)
            }
        }
        for store in stores { try store.fresh.drain() }
        #expect(try rows(stores[0]).isEmpty)
        #expect(try stores[0].collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
        for index in 0..<40 where (0..<240).contains(where: { $0 % 40 == index && ![5, 9].contains($0 % 12) }) {
            #expect(try content(sha256(Array("\(index)".utf8)), in: stores[1]) == Array("\(index)".utf8))
        }
    }

    @Test func `does not stay in the log when there are many`() throws {
        let store = try DiskStore(at: folder.path)
        var bytes = [UInt8](repeating: 0, count: FreshBlobs.largest)
        let count = FreshBlobs.enough.bytes / bytes.count + 2
        for index in 0..<count {
            bytes[0] = UInt8(index)
            try upload(bytes, in: store)
        }
        #expect(try waitUntil { try rows(store).count <= 2 })
        bytes[0] = 0
        #expect(try content(sha256(bytes), in: store) == bytes)
    }

    @Test func `has the limits of the vectors`() throws {
        let actual = [
            "small upload bytes": FreshBlobs.largest, "fresh bytes": FreshBlobs.enough.bytes, "most fresh bytes": FreshBlobs.most,
        ]
        let listed = try vectors("limits")
        for (name, limit) in actual { #expect(listed.first { $0["limit"]?.string == name }?["default"]?.int == limit, "\(name)") }
    }
}
