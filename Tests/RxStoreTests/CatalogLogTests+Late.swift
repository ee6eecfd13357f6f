import Foundation
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

/// What nobody was told, and what is noted for those who could not be told.
extension `A log in doubt` {
    private func durable() throws -> LogPosition { LogPosition(try LogNotes(store.layout.catalogLock).read().durable) }

    private func end() throws -> LogPosition { try #require(try store.catalog.exclusively { $0.logPosition }) }

    @Test func `is one of which more is there than is known to be durable, for whoever opens it`() throws {
        // A sync of it may have failed in a process that was killed before it could say so.
        Fault.inject("pwrite", EIO, under: log, times: .max)
        let late = try DiskStore(at: folder.path)
        #expect(throws: PosixError.self) { try write(late) }
        #expect(throws: PosixError.self) { try write(late, durably: false) }
        #expect(throws: PosixError.self) { try late.catalog.sync() }
        #expect(throws: (any Error).self) { try late.catalog.checkpoint() }
        #expect(throws: PosixError.self) { try count(late) }
        Fault.clear(under: log)
        #expect(try count(late) == 1)
        // Once: it hears of what fails from now on. And who finds all of it durable has nothing to do.
        Fault.inject("pwrite", EIO, under: log, times: .max)
        defer { Fault.clear(under: log) }
        try write(store, durably: false)
        try write(late)
        let latest = try DiskStore(at: folder.path)
        try write(latest)
        try latest.catalog.checkpoint()
        #expect(try count(latest) == 4)
    }

    @Test func `is found out by who moves it into the database, though he has opened it a moment ago`() throws {
        let database = try Data(contentsOf: URL(fileURLWithPath: store.layout.catalog))
        // The connection that moves it is a new one; the file that was open before hears of the failure.
        Fault.inject("fdatasync", EIO, under: log)
        defer { Fault.clear(under: log) }
        #expect(throws: (any Error).self) { try store.catalog.checkpoint() }
        #expect(store.catalog.log.isInDoubt)
        #expect(try Data(contentsOf: URL(fileURLWithPath: store.layout.catalog)) == database)
    }

    @Test(arguments: ["sqlite", "fdatasync"]) func `is not read before it is made good`(failing: String) throws {
        let other = try DiskStore(at: folder.path)
        try write(store, durably: false)
        try fail(failing)
        Fault.inject("pwrite", EIO, under: log, times: .max)
        for each in [store, other] { #expect(throws: PosixError.self) { try count(each) } }
        Fault.clear(under: log)
        #expect(try count(other) == 2)
        #expect(!store.catalog.log.isInDoubt)
    }

    @Test func `is known to be durable to the end of each durable commit, wherever that began`() throws {
        try write(store)
        #expect(try durable() == end())
        try store.catalog.checkpoint()
        let before = try end().log
        // Begins the log anew.
        try write(store)
        #expect(try durable() == end())
        #expect(try end().log != before)
        // Leaves pages there before it ends, and changes some of them: the checksums of all behind those are written again.
        try store.catalog.write { database, now in
            try database.run("CREATE TABLE pages (bytes)")
            for value in 0..<2 {
                try database.run(
                    """
                    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 3000)
                    INSERT INTO pages SELECT zeroblob(4000) FROM numbers
                    """)
                try database.run("UPDATE pages SET bytes = ?", .integer(value))
            }
        }
        #expect(try end().frames > 3000)
        #expect(try durable() == end())
        // What is undone ends nowhere.
        struct Undone: Error {}
        let noted = try durable()
        #expect(throws: Undone.self) {
            try store.catalog.write { database, _ in
                try database.run("DELETE FROM pages")
                throw Undone()
            }
        }
        try write(store)
        #expect(try durable() == end())
        #expect(try durable().frames < noted.frames + 10)
    }

    @Test func `is not written anew behind what is not what was durable`() throws {
        try write(store)
        let last = try end().frames - 1
        let file = try FileDescriptor.open(log, O_RDWR)
        try write(store, durably: false)
        try fail("fdatasync")
        // The end of the last durable frame is in a page of memory that holds what was lost.
        let shape = LogShape(pageSize: 4096)
        let place = shape.start(of: last) + shape.frame - 1
        var byte: UInt8 = 0
        _ = try withUnsafeMutableBytes(of: &byte) { try file.read(into: $0, at: place) }
        try withUnsafeBytes(of: byte ^ 1) { try file.write($0, at: place) }
        let error = #expect(throws: RegistryError.self) { try write(store) }
        #expect(error?.code == .storeUnusable)
        try withUnsafeBytes(of: byte) { try file.write($0, at: place) }
        try write(store)
        #expect(try count(DiskStore(at: folder.path)) == 4)
    }

    @Test(arguments: [false, true]) func `is synced when the machine was started, and a failure of that is not forgiven`(isKilled: Bool)
        throws
    {
        let boot = try #require(Host.boot)
        try store.catalog.sync()
        try note(runs: [~boot, ~boot])
        // The third time would be the first that notes how far the log is durable.
        if isKilled { Fault.inject("fdatasync", EIO, under: store.layout.catalogLock) }
        Fault.inject("fdatasync", EIO, under: log)
        Fault.inject("pwrite", EIO, under: log, times: .max)
        let next = try DiskStore(at: folder.path)
        #expect(try durable().frames == 0)
        for each in [next, try DiskStore(at: folder.path)] {
            #expect(throws: PosixError.self) { try write(each) }
            #expect(each.catalog.log.isInDoubt)
        }
        Fault.clear(under: log)
        try expectWrittenAnew()
        #expect(try durable() == end())
    }

    @Test func `is written anew from where somebody was killed who wrote it anew`() throws {
        try write(store)
        let before = try durable()
        try write(store, durably: false)
        try fail("fdatasync")
        // Who fails leaves what a killed one leaves: nobody notes meanwhile what he overwrites.
        Fault.inject("fdatasync", EIO, under: log, after: 1)
        #expect(throws: PosixError.self) { try store.catalog.sync() }
        #expect(try durable() == LogPosition(log: before.log, frames: before.frames, isOpen: true))
        // Nor does it count for him that nobody was told.
        let noted = try LogNotes(store.layout.catalogLock).read().doubt
        try LogNotes(store.layout.catalogLock).write(noted.failure, at: \.doubt.mended)
        #expect(!store.catalog.log.isInDoubt)
        // Nothing is committed behind it, and nothing that was is reported.
        Fault.inject("pwrite", EIO, under: log)
        #expect(throws: PosixError.self) { try write(store, durably: false) }
        try LogNotes(store.layout.catalogLock).write(try LogNotes(store.layout.catalogLock).read().doubt.failure, at: \.doubt.mended)
        try expectWrittenAnew()
        #expect(try durable() == end())
    }

    @Test func `is noted as it is where the note is of another one`() throws {
        let notes = try LogNotes(store.layout.catalogLock)
        try write(store)
        let right = try durable()
        for wrong in [LogPosition(log: right.log, frames: right.frames + 1000), LogPosition(log: ~right.log, frames: 1)] {
            try notes.write(wrong.value, at: \.durable)
            try write(store, durably: false)
            try store.catalog.sync()
            #expect(try durable() == end(), "\(wrong)")
        }
    }

    @Test func `keeps a commit that is under way from being reported`() throws {
        #expect(throws: (any Error).self) {
            try store.catalog.write { database, now in
                try database.run("INSERT INTO uploads VALUES ('one', 'r', ?)", .integer(now))
                // Told by another process, whose sync of an earlier commit has failed.
                store.catalog.log.doubt()
            }
        }
        #expect(try count(store) == 1)
    }

    @Test func `is known to be durable when that is reported, whoever opens, commits and moves it meanwhile`() throws {
        let others = [store, try DiskStore(at: folder.path)]
        let end = Clock.monotonic + 1_000_000_000
        let faults = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 5) { which in
            let own = others[which % 2]
            while Clock.monotonic < end {
                do {
                    switch which {
                    case 0, 1: try write(own)
                    case 2: _ = try count(DiskStore(at: folder.path))
                    case 3: try? own.catalog.checkpoint()
                    default:
                        try write(own, durably: false)
                        let position = try own.catalog.exclusively { $0.logPosition }
                        try own.catalog.sync()
                        let noted = try durable()
                        guard let position, noted.log == position.log, noted.frames < position.frames else { continue }
                        faults.withLock { $0.append("\(noted) is behind \(position)") }
                    }
                } catch { faults.withLock { $0.append("\(which): \(error)") } }
            }
        }
        #expect(faults.withLock { $0 } == [])
    }
}
