import Foundation
import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@Suite struct `What a killed operation leaves` {
    let folder: TemporaryFolder
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    func blob(_ text: String) -> Digest { sha256(Array(text.utf8)) }

    /// A staging folder as a process leaves it that dies while it stages: some files whole, one half written.
    func dead(_ name: String, _ contents: [String]) throws {
        for (index, content) in contents.enumerated() { try folder.write("staging/\(name)/1.0/\(index)", content) }
        try folder.write("staging/\(name)/owner", "")
    }

    @Test func `is taken over by the next that wants it, and by nobody else`() throws {
        try dead("dead", ["hello", "world", "other one", "hal"])
        let operation = try store.begin()
        let wanted = [blob("hello"): 5, blob("world"): 5, blob("absent"): 5, blob("half"): 4]
        #expect(try operation.salvage(wanted) == [blob("hello"), blob("world")])
        #expect(try operation.salvage(wanted).isEmpty, "what was taken is not there twice")
        let files = ["hello", "world"].map { try! file($0, $0) }
        _ = try operation.commit(
            try ResourceManifest(definition: try definition("a"), files: files), as: Reference(repository: "a", tag: "1"))
        #expect(try text(blob("hello"), in: store) == "hello")
        let path = "\(folder.path)/blobs/sha256/\(blob("hello").hex.prefix(2))/\(blob("hello").hex)"
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o444)
        let next = try store.begin()
        #expect(try next.salvage([blob("other one"): 9]) == [blob("other one")], "the rest waits for whoever wants it")
        next.cancel()
        #expect(try store.collect(dryRun: false, leaseTime: nil).leftovers == 1)
        #expect(try Files.names(in: "\(folder.path)/staging").isEmpty)
    }

    @Test func `is read only where a length is wanted, and its length alone proves nothing`() throws {
        try dead("dead", ["wrong", "long enough"])
        let operation = try store.begin()
        #expect(try operation.salvage([blob("hello"): 5]).isEmpty)
        #expect(try operation.salvage([:]).isEmpty)
        #expect(try Files.tree("\(folder.path)/staging/dead").count == 3, "what is not wanted stays where it is")
    }

    @Test func `is no folder that an operation is just removing at its end`() throws {
        let ends = Clock.monotonic + 1_000_000_000
        let endings = (0..<3).map { _ in RxPosix.Thread { [store] in while Clock.monotonic < ends { try? store.begin().cancel() } } }
        let operation = try store.begin()
        while Clock.monotonic < ends { #expect(try operation.salvage([blob("hello"): 5]).isEmpty) }
        for thread in endings { thread.join() }
    }

    @Test func `keeps the file that its lock is on, also when an empty blob is wanted`() throws {
        try dead("dead", ["hello"])
        let operation = try store.begin()
        #expect(try operation.salvage([blob(""): 0, blob("hello"): 5]) == [blob("hello")])
        #expect(try Files.tree("\(folder.path)/staging/dead") == ["\(folder.path)/staging/dead/owner"])
    }

    @Test func `of an operation that lives is its own`() throws {
        let alive = try store.begin()
        let staged = try alive.stage(BytesSource(Array("hello".utf8)), expecting: nil)
        let other = try DiskStore(at: folder.path).begin()
        #expect(try other.salvage([staged.digest: 5]).isEmpty)
        try alive.publish()
        #expect(try text(staged.digest, in: store) == "hello")
    }

    @Test func `is not collected while somebody looks through it`() throws {
        try dead("dead", ["hello"])
        let held = try FileDescriptor.open("\(folder.path)/staging/dead/owner", O_RDWR)
        #expect(flock(held.number, LOCK_EX | LOCK_NB) == 0)
        #expect(try store.collect(dryRun: false, leaseTime: 0).leftovers == 0)
        #expect(try store.begin().salvage([blob("hello"): 5]).isEmpty)
        flock(held.number, LOCK_UN)
        #expect(try store.begin().salvage([blob("hello"): 5]) == [blob("hello")])
    }

    @Test func `of a long blob is gone on with, whatever broke it off`() throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 4) }
        let digest = sha256(bytes)
        var operation: (any StoreOperation)? = try store.begin()
        var partial = try #require(try operation?.partial(digest, size: bytes.count))
        try bytes[..<60_000].withUnsafeBytes { try partial.append($0) }
        #expect(try DiskStore(at: folder.path).begin().partial(digest, size: bytes.count) == nil, "somebody has it")
        operation = nil
        partial = try #require(try store.begin().partial(sha256([1]), size: 1))
        let again = try DiskStore(at: folder.path).begin()
        let rest = try #require(try again.partial(digest, size: bytes.count))
        #expect(rest.offset == 60_000)
        try bytes[60_000...].withUnsafeBytes { try rest.append($0) }
        try rest.finish()
        try again.publish()
        #expect(try store.open(digest).readAll() == bytes)
        #expect(try !Files.names(in: "\(folder.path)/cache/partial").contains(digest.hex))
    }

    @Test func `of a long blob is collected when nobody goes on with it`() throws {
        let digest = sha256([1, 2, 3])
        do {
            let partial = try #require(try store.begin().partial(digest, size: 3))
            try [1, 2].withUnsafeBytes { try partial.append(UnsafeRawBufferPointer(rebasing: $0[..<1])) }
            #expect(try store.collect(dryRun: false, leaseTime: 0).leftovers == 0, "somebody has it")
        }
        #expect(try store.collect(dryRun: false, leaseTime: nil).leftovers == 0, "it is young")
        #expect(try store.collect(dryRun: true, leaseTime: 0).leftovers == 1)
        #expect(try store.collect(dryRun: false, leaseTime: 0).leftovers == 1)
        #expect(try Files.names(in: "\(folder.path)/cache/partial").isEmpty)
    }

    @Test(arguments: [ENOSPC, EIO]) func `of a long blob is what the disk took when it was full`(_ errno: Int32) throws {
        guard Fault.available else { return }
        let bytes = [UInt8](repeating: 7, count: 50_000)
        let digest = sha256(bytes)
        do {
            let partial = try #require(try store.begin().partial(digest, size: bytes.count))
            try bytes[..<30_000].withUnsafeBytes { try partial.append($0) }
            Fault.inject("write", errno, under: "\(folder.path)/cache/partial")
            defer { Fault.clear(under: "\(folder.path)/cache/partial") }
            let error = #expect(throws: PosixError.self) { try bytes[30_000...].withUnsafeBytes { try partial.append($0) } }
            #expect(error?.code == (errno == ENOSPC ? .storageFull : .internalError))
        }
        let operation = try store.begin()
        let partial = try #require(try operation.partial(digest, size: bytes.count))
        #expect(partial.offset == 30_000)
        try bytes[30_000...].withUnsafeBytes { try partial.append($0) }
        try partial.finish()
        try operation.publish()
        #expect(try store.size(of: digest) == 50_000)
    }
}
