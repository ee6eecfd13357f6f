import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@Suite struct `An upload on disk` {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func append(_ text: String, to upload: any UploadSession) throws {
        try Array(text.utf8).withUnsafeBytes { try upload.append($0) }
    }

    /// An upload of this is synced by itself.
    private let long = String(repeating: "abcd", count: 40_000)

    private var files: [String] { get throws { try RxPosix.Files.names(in: "\(folder.path)/uploads") } }

    @Test func `goes on after a restart`() throws {
        let digest = sha256(Array("abcd".utf8))
        let name = try {
            let upload = try DiskStore(at: folder.path).beginUpload(in: "r")
            try upload.keep()
            try append("ab", to: upload)
            return upload.name
        }()
        // Another process, which has seen none of the bytes.
        let store = try DiskStore(at: folder.path)
        #expect(try store.received(name, in: "r") == 2)
        let upload = try #require(try store.upload(name, in: "r"))
        try append("cd", to: upload)
        #expect(try upload.finish(as: .sha256(digest)) == StagedBlob(digest: digest, size: 4))
        #expect(try files.isEmpty)
        #expect(try text(digest, in: store) == "abcd")
        let mode = try #require(try RxPosix.Files.status("\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)")).st_mode
        #expect(mode & 0o777 == 0o444)
    }

    @Test func `that was never kept leaves nothing`() throws {
        let store = try DiskStore(at: folder.path)
        do { try append("x", to: try store.beginUpload(in: "r")) }
        #expect(try files.isEmpty)
    }

    @Test func `ends by time, and its file with the next collection`() throws {
        let store = try DiskStore(at: folder.path, uploadTime: 0)
        let name = try {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            return upload.name
        }()
        #expect(try store.received(name, in: "r") == nil && store.upload(name, in: "r") == nil)
        #expect(try store.collect(dryRun: true, leaseTime: nil).leftovers == 1)
        #expect(try store.collect(dryRun: false, leaseTime: nil).leftovers == 1)
        #expect(try files.isEmpty)
    }

    @Test func `that lives is left alone by a collection`() throws {
        let store = try DiskStore(at: folder.path)
        let upload = try store.beginUpload(in: "r")
        try append("x", to: upload)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        #expect(try upload.finish(as: .sha256(sha256(Array("x".utf8)))).size == 1)
    }

    @Test(arguments: ["fsync", "rename", "write"]) func `that meets a failing disk stores nothing and can be sent again`(call: String)
        throws
    {
        let store = try DiskStore(at: folder.path)
        let digest = sha256(Array(long.utf8))
        let upload = try store.beginUpload(in: "r")
        try upload.keep()
        Fault.inject(call, ENOSPC, under: folder.path)
        defer { Fault.clear(under: folder.path) }
        #expect(throws: (any Error).self) {
            try append(long, to: upload)
            _ = try upload.finish(as: .sha256(digest))
        }
        #expect(try store.blob(.sha256(digest), in: "r", leasing: false) == nil)
        let again = try store.beginUpload(in: "r")
        try append(long, to: again)
        #expect(try again.finish(as: .sha256(digest)).size == 160_000)
    }

    @Test func `whose end met a failing disk ends when it is tried again, but for one that could not be synced`() throws {
        let store = try DiskStore(at: folder.path)
        let digest = ContentDigest.sha256(sha256(Array(long.utf8)))
        func fail(_ call: String) throws -> String {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            try append(long, to: upload)
            Fault.inject(call, ENOSPC, under: folder.path)
            defer { Fault.clear(under: folder.path) }
            #expect(throws: (any Error).self) { _ = try upload.finish(as: digest) }
            return upload.name
        }
        let renamed = try fail("rename")
        #expect(try store.received(renamed, in: "r") == 160_000)
        #expect(try store.upload(renamed, in: "r")?.finish(as: digest).size == 160_000)
        let synced = try fail("fsync")
        #expect(try store.received(synced, in: "r") == nil && store.upload(synced, in: "r") == nil)
        #expect(try files.isEmpty)
    }

    @Test func `repairs a blob whose file is damaged`() throws {
        let store = try DiskStore(at: folder.path)
        let digest = sha256(Array("abcd".utf8))
        for _ in 0..<2 {
            let upload = try store.beginUpload(in: "r")
            try append("abcd", to: upload)
            _ = try upload.finish(as: .sha256(digest))
            #expect(try text(digest, in: store) == "abcd")
            let path = "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
            try FileManager.default.removeItem(atPath: path)
            try Data("abXd".utf8).write(to: URL(fileURLWithPath: path))
        }
    }

    @Test func `that was renamed and then failed is over, and the blob of the same bytes is whole`() throws {
        let store = try DiskStore(at: folder.path)
        let digest = sha256(Array("abcd".utf8))
        let first = try store.beginUpload(in: "a")
        try append("abcd", to: first)
        _ = try first.finish(as: .sha256(digest))
        let second = try store.beginUpload(in: "b")
        try second.keep()
        try append("abcd", to: second)
        // Fails inside the transaction, behind the rename.
        Fault.inject("fchmod", EIO, under: folder.path)
        defer { Fault.clear(under: folder.path) }
        #expect(throws: (any Error).self) { try second.finish(as: .sha256(digest)) }
        #expect(try store.upload(second.name, in: "b") == nil)
        #expect(try text(digest, in: store) == "abcd")
        #expect(try files.isEmpty)
    }
}
