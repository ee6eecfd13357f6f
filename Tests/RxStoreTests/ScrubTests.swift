import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

@Suite struct `A scrub` {
    let folder: TemporaryFolder
    let store: DiskStore
    let told = Told()

    final class Told: Sendable {
        private let lines = Monitor<[String]>([])
        func add(_ line: String) { lines.update { $0.append(line) } }
        var all: [String] { lines.update { $0 } }
        /// Waits for the first line.
        func wait(_ seconds: Double) -> String? { lines.wait(seconds: seconds) { $0.first } }
    }

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    func damage(_ digest: Digest, with bytes: [UInt8]) throws {
        #expect(chmod(store.layout.blob(digest), 0o644) == 0)
        try Data(bytes).write(to: URL(fileURLWithPath: store.layout.blob(digest)), options: [])
    }

    func scrubber(rate: Int = 1 << 30, passTime: Int = 3600) -> Scrubber {
        Scrubber(store, rate: rate, passTime: passTime) { [told] in told.add($0) }
    }

    func waitForPass(_ number: Int) throws {
        #expect(waitUntil { ScrubPlace.read(store.layout.scrub).passes >= number })
    }

    @Test func `sets a damaged blob aside and says what needs it; put again it is whole`() throws {
        try put(["content": "hello", "more": "others"], try definition("a"), in: store)
        let digest = sha256(Array("hello".utf8))
        try damage(digest, with: Array("jello".utf8))
        let scrubber = scrubber()
        scrubber.start()
        let line = try #require(told.wait(60))
        #expect(line.contains("\(digest)") && line.contains("needed by a;"))
        try waitForPass(1)
        scrubber.stop()
        #expect(told.all.count == 1)
        #expect(try Files.names(in: store.layout.damaged).count == 1)
        #expect(throws: RegistryError.self) { try store.size(of: digest) }
        #expect(try store.size(of: sha256(Array("others".utf8))) == 6)
        try put(["content": "hello"], try definition("a"), in: store)
        #expect(try text(digest, in: store) == "hello")
    }

    @Test func `leaves what cannot be read to the next pass, which sets it aside when that cannot read it either`() throws {
        try put(["content": "hello"], try definition("a"), in: store)
        let digest = sha256(Array("hello".utf8))
        let path = store.layout.blob(digest)
        defer { Fault.clear(under: path) }
        // Once is nothing; twice is worth a word, and no more than that.
        Fault.inject("pread", EIO, under: path)
        let scrubber = scrubber(passTime: 1)
        scrubber.start()
        try waitForPass(1)
        #expect(told.all == [])
        Fault.inject("pread", EIO, under: path, times: 2)
        #expect(try #require(told.wait(60)).contains("blob \(digest) cannot be read: "))
        let passes = ScrubPlace.read(store.layout.scrub).passes
        try waitForPass(passes + 2)
        #expect(try text(digest, in: store) == "hello")
        #expect(told.all.count == 1)
        // Two passes, one after the other.
        Fault.inject("pread", EIO, under: path, times: .max)
        try waitForPass(ScrubPlace.read(store.layout.scrub).passes + 3)
        scrubber.stop()
        #expect(try Files.names(in: store.layout.damaged).count == 1)
        #expect(told.all.count == 3)
        #expect(throws: RegistryError.self) { try store.size(of: digest) }
    }

    @Test func `goes on where the last one ended, and waits between two passes`() throws {
        try put(Dictionary(uniqueKeysWithValues: (0..<20).map { ("f\($0)", "content \($0)") }), try definition("a"), in: store)
        // 4 KiB is the least that a blob counts as: three blobs in two seconds.
        let begun = Clock.monotonic
        var place = ScrubPlace()
        for _ in 0..<20 where place.after == nil && place.passes == 0 {
            let slow = scrubber(rate: 6 << 10)
            slow.start()
            usleep(1_000_000)
            slow.stop()
            place = ScrubPlace.read(store.layout.scrub)
        }
        let after = try #require(place.after)
        let most = (Clock.monotonic - begun) / 666_000_000 + 4
        #expect(place.passes == 0)
        // Damage before the place is not seen by what is left of this pass, damage behind it is.
        let digests = try store.catalog.read { try $0.rows("SELECT digest FROM blobs ORDER BY digest") { try $0.digest(0) } }
        let done = digests.filter { $0 <= after }
        #expect((1...most).contains(done.count), "\(done.count) of at most \(most)")
        try damage(done[0], with: [1])
        try damage(digests.last!, with: [1])
        let fast = scrubber()
        fast.start()
        try waitForPass(1)
        usleep(300_000)
        fast.stop()
        #expect(told.all.count == 1 && told.all[0].contains("\(digests.last!)"))
        #expect(ScrubPlace.read(store.layout.scrub).passes == 1)
        // The next pass sees the rest.
        let next = scrubber(passTime: 0)
        next.start()
        try waitForPass(2)
        next.stop()
        #expect(told.all.count == 2)
    }

    @Test func `is one at a time, and begins anew where its place cannot be read`() throws {
        try put(["content": "hello"], try definition("a"), in: store)
        try Files.replace(store.layout.scrub, with: Array("nonsense".utf8))
        let lock = try FileDescriptor.open(store.layout.scrubLock, O_RDWR | O_CREAT, mode: 0o644)
        #expect(flock(lock.number, LOCK_EX) == 0)
        let held = scrubber()
        held.start()
        usleep(300_000)
        held.stop()
        #expect(ScrubPlace.read(store.layout.scrub) == ScrubPlace())
        #expect(flock(lock.number, LOCK_UN) == 0)
        let free = scrubber()
        free.start()
        try waitForPass(1)
        free.stop()
        #expect(told.all.isEmpty)
    }
}
