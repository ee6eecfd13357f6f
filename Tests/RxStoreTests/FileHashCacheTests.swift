import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@Suite struct `The hash cache` {
    let folder: TemporaryFolder
    let store: DiskStore
    let stamp = FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: .max)

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        try put(["content": "hello"], try definition("a"), in: store)
    }

    var digest: Digest { sha256(Array("hello".utf8)) }

    @Test func `knows a file for as long as nothing about it changes`() throws {
        let cache = try FileHashCache(of: store)
        #expect(try cache.known([stamp]) == [nil])
        try cache.record([(stamp, digest)], stampedAt: Clock.nanoseconds)
        #expect(try FileHashCache(of: store).known([stamp]) == [digest])
        let others = [
            FileStamp(path: "/w/b", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: .max),
            FileStamp(path: "/w/a", size: 6, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: .max),
            FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_001, changedAt: 1_000_000_000, inode: .max),
            FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_001, inode: .max),
            FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: 1),
        ]
        #expect(try cache.known(others).allSatisfy { $0 == nil })
    }

    @Test func `does not trust a file that changed just before it was looked at`() throws {
        let cache = try FileHashCache(of: store)
        try cache.record([(stamp, digest)], stampedAt: stamp.changedAt + 1_000_000)
        #expect(try cache.known([stamp]) == [nil])
    }

    @Test func `does not trust a blob that was written to after it was recorded`() throws {
        let cache = try FileHashCache(of: store)
        try cache.record([(stamp, digest)], stampedAt: Clock.nanoseconds)
        let blob = "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: blob)
        try Data("jello".utf8).write(to: URL(fileURLWithPath: blob))
        #expect(try cache.known([stamp]) == [nil])
    }

    @Test func `is made anew when it is damaged`() throws {
        try folder.write("cache/files.sqlite", String(repeating: "rubbish", count: 1000))
        #expect(try FileHashCache(of: store).known([stamp]) == [nil])
    }
}
