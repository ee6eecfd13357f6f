import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

extension `A scrub` {
    /// A store's blobs, in the order of a scrub.
    private func blobs() throws -> [Digest] {
        try put(["content": "hello", "more": "others", "most": "all of them"], try definition("a"), in: store)
        return try store.catalog.read { try $0.rows("SELECT digest FROM blobs ORDER BY digest") { try $0.digest(0) } }
    }

    @Test(arguments: [("pread", ENODATA), ("pread", EREMOTEIO), ("open", EACCES), ("open", ENXIO), ("lstat", EACCES), ("lstat", EIO)])
    func `goes on behind a blob that cannot be read, whatever the reason`(_ call: String, _ errno: Int32) throws {
        let digests = try blobs()
        let path = store.layout.blob(digests[0])
        defer { Fault.clear(under: path) }
        Fault.inject(call, errno, under: path, times: .max)
        try damage(digests.last!, with: [1])
        let scrubber = scrubber(passTime: 1)
        scrubber.start()
        try waitForPass(1)
        #expect(told.all.count >= 2 && told.all[0].contains("blob \(digests[0]) cannot be read: \(call) "), "\(told.all)")
        #expect(told.all.contains { $0.contains("blob \(digests.last!) is damaged") })
        try waitForPass(3)
        scrubber.stop()
        // Where not even its name can be looked up, moving it away fails as well.
        #expect(try Files.names(in: store.layout.damaged).count == 2, "\(told.all)")
    }

    @Test func `believes a file that is right through the page cache where the disk itself cannot be read`() throws {
        let digests = try blobs()
        let path = "\(store.layout.blob(digests[0])) past the page cache"
        defer { Fault.clear(under: path) }
        Fault.inject("pread", ENODATA, under: path, times: .max)
        let scrubber = scrubber()
        scrubber.start()
        try waitForPass(1)
        scrubber.stop()
        #expect(told.all == [])
    }

    @Test func `goes on behind a damaged blob that cannot be moved away`() throws {
        let digests = try blobs()
        defer { Fault.clear(under: store.layout.damaged) }
        Fault.inject("rename", EACCES, under: store.layout.damaged)
        for each in [digests[0], digests.last!] { try damage(each, with: [1]) }
        let scrubber = scrubber()
        scrubber.start()
        try waitForPass(1)
        scrubber.stop()
        #expect(told.all.count == 2 && told.all[0].contains("blob \(digests[0]) is damaged and cannot be set aside: "), "\(told.all)")
        #expect(try Files.names(in: store.layout.damaged).count == 1)
    }

    @Test func `notes its place also when it cannot go on, and says nothing of a blob then`() throws {
        let digests = try blobs()
        let path = store.layout.blob(digests[1])
        defer { Fault.clear(under: path) }
        Fault.inject("open", EMFILE, under: path, times: .max)
        let scrubber = scrubber()
        scrubber.start()
        let line = try #require(told.wait(30))
        scrubber.stop()
        #expect(line.contains("cannot be scrubbed") && told.all.count == 1)
        #expect(ScrubPlace.read(store.layout.scrub).after == digests[0])
    }

    @Test(arguments: [
        #"{"startedAt":-9223372036854775800}"#, #"{"startedAt":9223372036854775800}"#, #"{"passes":9223372036854775807,"startedAt":0}"#,
        #"{"passes":-9223372036854775808,"startedAt":0}"#,
    ])
    func `begins anew where its place has numbers that cannot be`(_ place: String) throws {
        let digests = try blobs()
        try damage(digests[0], with: [1])
        try Files.replace(store.layout.scrub, with: Array(place.utf8))
        let scrubber = scrubber()
        scrubber.start()
        #expect(try #require(told.wait(30)).contains("\(digests[0])"))
        try waitForPass(1)
        scrubber.stop()
        #expect(ScrubPlace.read(store.layout.scrub).passes == 1)
    }
}
