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
        let cache = FileHashCache(of: store)
        #expect(cache.known([stamp]) == [nil])
        cache.record([(stamp, digest)], stampedAt: Clock.nanoseconds)
        #expect(FileHashCache(of: store).known([stamp]) == [digest])
        let others = [
            FileStamp(path: "/w/b", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: .max),
            FileStamp(path: "/w/a", size: 6, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: .max),
            FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_001, changedAt: 1_000_000_000, inode: .max),
            FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_001, inode: .max),
            FileStamp(path: "/w/a", size: 5, modifiedAt: 1_000_000_000, changedAt: 1_000_000_000, inode: 1),
        ]
        #expect(cache.known(others).allSatisfy { $0 == nil })
    }

    @Test func `does not trust a file that changed just before it was looked at`() throws {
        let cache = FileHashCache(of: store)
        cache.record([(stamp, digest)], stampedAt: stamp.changedAt + 1_000_000)
        #expect(cache.known([stamp]) == [nil])
    }

    @Test func `does not trust a blob that was written to after it was recorded`() throws {
        let cache = FileHashCache(of: store)
        cache.record([(stamp, digest)], stampedAt: Clock.nanoseconds)
        let blob = "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: blob)
        // At a time that the file system's clock tells from that of the record.
        usleep(20_000)
        try Data("jello".utf8).write(to: URL(fileURLWithPath: blob))
        #expect(cache.known([stamp]) == [nil])
    }

    @Test func `is made anew when it is damaged`() throws {
        try folder.write("cache/files.sqlite", String(repeating: "rubbish", count: 1000))
        let cache = FileHashCache(of: store)
        #expect(cache.known([stamp]) == [nil])
        cache.record([(stamp, digest)], stampedAt: Clock.nanoseconds)
        #expect(FileHashCache(of: store).known([stamp]) == [digest])
    }

    @Test func `remembers nothing, and fails nobody, when it cannot be opened`() throws {
        try folder.write("cache/files.sqlite/in the way", "")
        let cache = FileHashCache(of: store)
        cache.record([(stamp, digest)], stampedAt: Clock.nanoseconds)
        #expect(cache.known([stamp, stamp]) == [nil, nil])
    }
}
