import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

/// A file has its blob's name a moment before it is synced, and nobody believes it until its row is there.
@Suite struct `A file that is named before it is synced` {
    private let folder: TemporaryFolder
    private let store: DiskStore
    private let bytes = Array("abcd".utf8)
    private var digest: Digest { sha256(bytes) }
    private var blob: StagedBlob { StagedBlob(digest: digest, size: 4) }
    private var path: String { store.layout.blob(digest) }

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    private func upload() throws {
        let upload = try store.beginUpload(in: "r")
        try bytes.withUnsafeBytes { try upload.append($0) }
        _ = try upload.finish(as: .sha256(digest))
    }

    /// A file as an upload has it when all bytes came.
    private func written() throws -> FileDescriptor {
        let file = try FileDescriptor.open(store.layout.upload(RandomName.uuid()), O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        #expect(flock(file.number, LOCK_EX | LOCK_NB) == 0)
        try file.write(bytes)
        return file
    }

    private func leftovers(delete: Bool) throws -> Int { try store.collect(dryRun: !delete, leaseTime: 0).leftovers }

    @Test func `is not there for anybody, and no collection takes it while its upload lives`() throws {
        do {
            let file = try written()
            let placed = try #require(try EarlyPlace(file, blob, store))
            #expect(try placed.isOwn())
            #expect(try store.blob(.sha256(digest), in: "r", leasing: false) == nil)
            #expect(throws: RegistryError.self) { try store.size(of: digest) }
            #expect(try store.begin().lease([digest: 4]).isEmpty)
            #expect(try leftovers(delete: false) == 0 && leftovers(delete: true) == 0)
            #expect(try placed.isOwn())
        }
        #expect(try leftovers(delete: false) == 1 && leftovers(delete: true) == 1 && leftovers(delete: true) == 0)
        #expect(try Files.status(path) == nil)
    }

    @Test func `gives way to who puts the same, and does not take it away`() throws {
        let file = try written()
        let placed = try #require(try EarlyPlace(file, blob, store))
        #expect(try EarlyPlace(written(), blob, store) == nil, "a name that a file has")
        try upload()
        #expect(try !placed.isOwn())
        placed.leave()
        #expect(try text(digest, in: store) == "abcd")
        let operation = try store.begin()
        _ = try operation.stage(BytesSource(bytes), expecting: digest)
        try operation.publish()
        #expect(try text(digest, in: store) == "abcd")
    }

    @Test func `goes when its upload fails`() throws {
        let placed = try #require(try EarlyPlace(written(), blob, store))
        placed.leave()
        #expect(try Files.status(path) == nil)
    }

    @Test func `is never put where a row makes others believe in it`() throws {
        try upload()
        try Files.remove(path)
        #expect(try EarlyPlace(written(), blob, store) == nil)
        #expect(try Files.status(path) == nil)
        try upload()
        #expect(try text(digest, in: store) == "abcd")
    }

    @Test(arguments: ["abXd", "abcd", "ab"]) func `and was left by a kill or a power failure is replaced by the next put`(left: String)
        throws
    {
        try Data(left.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try store.blob(.sha256(digest), in: "r", leasing: false) == nil)
        let inode = try Files.status(path)?.st_ino
        try upload()
        #expect(try text(digest, in: store) == "abcd")
        #expect(try Files.status(path)?.st_ino != inode)
    }

    @Test(arguments: ["fsync", "fchmod", "rename"], [0, 1]) func `leaves nothing when the disk fails`(call: String, after: Int) throws {
        let (name, failed) = try {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            try bytes.withUnsafeBytes { try upload.append($0) }
            Fault.inject(call, EIO, under: folder.path, after: after)
            return (upload.name, (try? upload.finish(as: .sha256(digest))) == nil)
        }()
        defer { Fault.clear(under: folder.path) }
        // The file and its folder are synced; it is named and its mode set once.
        #expect(failed == (after == 0 || call == "fsync"))
        guard failed else { return }
        Fault.clear(under: folder.path)
        #expect(try Files.status(path) == nil && store.blob(.sha256(digest), in: "r", leasing: false) == nil)
        #expect(try (store.upload(name, in: "r") == nil) == (call != "rename"), "what never had the name goes on")
        try self.upload()
        #expect(try text(digest, in: store) == "abcd")
    }

    @Test func `and that a killed collection had moved aside is not taken for the blob`() throws {
        try upload()
        try Files.rename(path, to: "\(store.layout.trash)/orphan.\(digest.hex).x")
        let again = try DiskStore(at: folder.path)
        #expect(try again.blob(.sha256(digest), in: "r", leasing: false) == nil)
        #expect(try Files.names(in: store.layout.trash).isEmpty)
    }

    @Test func `keeps its place beside puts and collections`() throws {
        try WorkerPool.forEach(0..<200, threads: 8) { [store] index in
            let bytes = Array("\(index % 5)".utf8)
            let digest = sha256(bytes)
            if index % 8 == 7 { _ = try store.collect(dryRun: false, leaseTime: nil) }
            let upload = try store.beginUpload(in: "r\(index % 3)")
            try bytes.withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: .sha256(digest))
            #expect(try text(digest, in: store) == "\(index % 5)")
        }
        #expect(try leftovers(delete: true) == 0)
    }
}
