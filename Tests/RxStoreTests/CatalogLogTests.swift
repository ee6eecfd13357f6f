import Foundation
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

/// A sync of the catalog's log that failed is no reason to believe the next one.
@Suite struct `A log in doubt` {
    let folder: TemporaryFolder
    let store: DiskStore
    var log: String { "\(store.layout.catalog)-wal" }

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        // Something that is committed and not synced.
        try write(store, durably: false)
    }

    func write(_ store: DiskStore, durably: Bool = true) throws {
        try store.catalog.write(durably: durably) { database, now in
            try database.run("INSERT INTO uploads VALUES (?, 'r', ?)", .text(RandomName.make()), .integer(now))
        }
    }

    func count(_ store: DiskStore) throws -> Int {
        try store.catalog.read { try $0.first("SELECT count(*) FROM uploads") { $0.int(0) } ?? 0 }
    }

    /// Lets a sync of the log fail: one by SQLite for a commit, or one after a commit.
    func fail(_ call: String) throws {
        Fault.inject(call, EIO, under: log)
        defer { Fault.clear(under: log) }
        #expect(throws: (any Error).self) { if call == "sqlite" { try write(store) } else { try store.catalog.sync() } }
        #expect(store.catalog.log.isInDoubt)
    }

    @Test(arguments: ["sqlite", "fdatasync"], [true, false]) func `is written anew before anything is reported, by whichever process`(
        failing: String, isOther: Bool
    ) throws {
        let other = try DiskStore(at: folder.path)
        try write(store, durably: false)
        let before = try count(store)
        try fail(failing)
        let next = isOther ? other : store
        #expect(next.catalog.log.isInDoubt)
        // A commit that is not durable by itself, too: it may begin the log anew.
        for report in [{ try write(next) }, { try write(next, durably: false) }, { try next.catalog.sync() }] {
            Fault.inject("pwrite", EIO, under: log)
            #expect(throws: PosixError.self) { try report() }
            Fault.clear(under: log)
            #expect(next.catalog.log.isInDoubt)
        }
        try write(next)
        #expect(!store.catalog.log.isInDoubt)
        #expect(!other.catalog.log.isInDoubt)
        #expect(try count(store) == before + 1)
        // From now on nothing is written twice.
        Fault.inject("pwrite", EIO, under: log, times: .max)
        defer { Fault.clear(under: log) }
        for each in [store, other] {
            try write(each)
            try each.catalog.sync()
        }
    }

    @Test func `is written anew as a whole, and says the same`() throws {
        for _ in 0..<200 { try write(store, durably: false) }
        let before = try Data(contentsOf: URL(fileURLWithPath: log))
        #expect(before.count > 2 * streamBufferSize)
        try fail("fdatasync")
        // The first of its parts is written, the second is not.
        Fault.inject("pwrite", EIO, under: log, after: 1)
        #expect(throws: PosixError.self) { try store.catalog.sync() }
        Fault.clear(under: log)
        try store.catalog.sync()
        #expect(!store.catalog.log.isInDoubt)
        #expect(try Data(contentsOf: URL(fileURLWithPath: log)) == before)
    }

    /// That doubt ends by writing something again, and not without.
    func expectWrittenAnew() throws {
        Fault.inject("pwrite", EIO, under: log)
        #expect(throws: PosixError.self) { try store.catalog.sync() }
        Fault.clear(under: log)
        try store.catalog.sync()
        #expect(!store.catalog.log.isInDoubt)
    }

    @Test(arguments: ["a commit", "a sync", "the end of a doubt"]) func `leaves alone what was synced before`(by means: String) throws {
        switch means {
        case "a commit": try write(store)
        case "a sync": try store.catalog.sync()
        default:
            try fail("fdatasync")
            try store.catalog.sync()
        }
        // There is nothing to be written again, and so nothing that fails.
        try fail("fdatasync")
        Fault.inject("pwrite", EIO, under: log)
        try store.catalog.sync()
        #expect(!store.catalog.log.isInDoubt)
        Fault.clear(under: log)
        // But for the rest of the last page, once something was written there, though it was undone.
        try fail("sqlite")
        try expectWrittenAnew()
        // Of what comes behind it that alone is.
        for _ in 0..<60 { try write(store, durably: false) }
        try fail("fdatasync")
        try expectWrittenAnew()
        #expect(try count(DiskStore(at: folder.path)) == count(store))
    }

    @Test func `is not believed to be durable where more was noted than there is`() throws {
        try write(store)
        let notes = try FileDescriptor.open(store.layout.catalogLock, O_RDWR)
        var noted: UInt64 = 0
        #expect(try withUnsafeMutableBytes(of: &noted) { try notes.read(into: $0, at: 16) } == 8)
        noted += 1000
        try withUnsafeBytes(of: noted) { try notes.write($0, at: 16) }
        try write(store, durably: false)
        try fail("fdatasync")
        try expectWrittenAnew()
        var after: UInt64 = 0
        _ = try withUnsafeMutableBytes(of: &after) { try notes.read(into: $0, at: 16) }
        #expect(after < noted, "the note is right again")
    }

    /// The runs of the machine that are noted: the one that the log is used in, and the same once that is durable.
    private func runs() throws -> [UInt64] {
        let noted = try LogNotes(store.layout.catalogLock).read()
        return [noted.boot, noted.durableBoot]
    }

    func note(runs: [UInt64]) throws {
        try runs.withUnsafeBytes { try FileDescriptor.open(store.layout.catalogLock, O_RDWR).write($0, at: 24) }
    }

    @Test func `is durable, all that the machine found when it was started`() throws {
        let boot = try #require(Host.boot)
        #expect(try runs() == [boot, boot])
        try fail("fdatasync")
        try note(runs: [~boot, ~boot])
        let next = try DiskStore(at: folder.path)
        #expect(!next.catalog.log.isInDoubt)
        #expect(try runs() == [boot, boot])
        // There is nothing to be written again, and so nothing that fails and takes it.
        try fail("fdatasync")
        Fault.inject("pwrite", EIO, under: log)
        defer { Fault.clear(under: log) }
        try next.catalog.sync()
        #expect(try count(next) == 1)
    }

    @Test(arguments: [false, true]) func `is durable as far as was noted where it may be the same run of the machine`(isNoted: Bool) throws
    {
        let boot = try #require(Host.boot)
        try fail("fdatasync")
        // Nobody knows of a run; or it is this one, and whoever noted it was killed before that was durable.
        try note(runs: [isNoted ? boot : 0, 0])
        Fault.inject("pwrite", EIO, under: log, times: 2)
        let next = try DiskStore(at: folder.path)
        #expect(next.catalog.log.isInDoubt)
        #expect(throws: PosixError.self) { try write(next) }
        Fault.clear(under: log)
        try write(next)
        #expect(!next.catalog.log.isInDoubt)
        #expect(try runs() == [boot, boot])
        #expect(try count(next) == 2)
    }

    /// The same log, to a process that has just opened it.
    private func opened() throws -> CatalogLog { try CatalogLog(catalog: store.layout.catalog, notes: store.layout.catalogLock) }

    @Test(arguments: [
        ("fdatasync", "catalog.sqlite.lock"), ("fsync", ""), ("pwrite", "catalog.sqlite.lock"),
    ])
    func `is written to only once it is durable in which run of the machine`(call: String, name: String) throws {
        let boot = try #require(Host.boot)
        let path = name.isEmpty ? store.root : "\(store.root)/\(name)"
        // Of the notes each may be the one that fails.
        for skip in 0..<(call == "pwrite" ? 7 : 1) {
            try note(runs: [~boot, ~boot])
            let next = try opened()
            try store.catalog.exclusively { database in
                Fault.inject(call, EIO, under: path, after: skip)
                defer { Fault.clear(under: path) }
                #expect(throws: PosixError.self) { try next.prepare(database) }
                #expect(try !next.isReady(database) && runs()[1] != boot)
                try next.prepare(database)
                #expect(try next.isReady(database) && runs() == [boot, boot])
            }
            #expect(try count(DiskStore(at: folder.path)) == 1)
        }
    }

    @Test func `stays in doubt when a sync fails while the run of the machine is noted`() throws {
        let boot = try #require(Host.boot)
        for round in 0..<20 {
            try note(runs: round % 2 == 0 ? [~boot, ~boot] : [0, 0])
            let (begins, fails) = (try opened(), try opened())
            let hasEnded = Mutex(false)
            let lost = Mutex(0)
            DispatchQueue.concurrentPerform(iterations: 2) { which in
                if which == 0 {
                    try? store.catalog.exclusively { try begins.prepare($0) }
                    hasEnded.withLock { $0 = true }
                } else {
                    while !hasEnded.withLock({ $0 }) {
                        fails.doubt()
                        let told = try? lastFailure()
                        usleep(50)
                        if (try? lastFailure()) != told { lost.withLock { $0 += 1 } }
                    }
                }
            }
            #expect(lost.withLock { $0 } == 0, "round \(round)")
        }
    }

    private func copied() throws -> (TemporaryFolder, StoreLayout) {
        let copy = try TemporaryFolder()
        let layout = StoreLayout(root: copy.path)
        try layout.prepare()
        for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite.lock"] {
            try Data(contentsOf: URL(fileURLWithPath: "\(store.root)/\(name)")).write(to: URL(fileURLWithPath: "\(copy.path)/\(name)"))
        }
        return (copy, layout)
    }

    @Test(arguments: [false, true]) func `of a copy is written anew as a whole when a sync of it fails`(isOfAnotherRun: Bool) throws {
        // All of the original is durable.
        try store.catalog.sync()
        if isOfAnotherRun { try note(runs: [~(try #require(Host.boot)), ~(try #require(Host.boot))]) }
        let (copy, layout) = try copied()
        let log = "\(layout.catalog)-wal"
        // The first of its bytes, too.
        for call in ["fdatasync", "pwrite"] {
            Fault.inject(call, EIO, under: log, times: .max)
            #expect(throws: PosixError.self) { try DiskStore(at: copy.path) }
            let noted = try LogNotes(layout.catalogLock).read()
            #expect(noted.doubt.isThere && LogPosition(noted.durable).frames == 0)
            Fault.clear(under: log)
        }
        let next = try DiskStore(at: copy.path)
        #expect(!next.catalog.log.isInDoubt)
        #expect(try count(next) == 1)
    }

    @Test(arguments: [true, false]) func `is not written anew from what is not what was written to it`(isCut: Bool) throws {
        for _ in 0..<20 { try write(store, durably: false) }
        try fail("fdatasync")
        let whole = try Data(contentsOf: URL(fileURLWithPath: log))
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: log))
        if isCut {
            try file.truncate(atOffset: UInt64(whole.count - 5000))
        } else {
            try file.seek(toOffset: UInt64(whole.count - 5000))
            try file.write(contentsOf: Data([whole[whole.count - 5000] ^ 1]))
        }
        for _ in 0..<2 {
            let error = #expect(throws: RegistryError.self) { try write(store) }
            #expect(error?.code == .storeUnusable)
            #expect(throws: RegistryError.self) { try store.catalog.sync() }
            #expect(store.catalog.log.isInDoubt)
        }
        // What comes after the last process finds what was durable, and goes on.
        let (copy, _) = try copied()
        let next = try DiskStore(at: copy.path)
        try write(next)
        #expect(try 2..<22 ~= count(next))
        try file.truncate(atOffset: 0)
        try file.seek(toOffset: 0)
        try file.write(contentsOf: whole)
        try write(store)
        #expect(!store.catalog.log.isInDoubt)
        #expect(try count(store) == 22)
    }

    @Test func `is synced for a commit that waits for the disk and changes nothing`() throws {
        Fault.inject("fdatasync", EIO, under: log, times: .max)
        defer { Fault.clear(under: log) }
        // With the first of each second the clock changes.
        #expect((0..<3).contains { _ in (try? store.catalog.write { _, _ in }) == nil })
    }

    private func lastFailure() throws -> UInt64 { try LogNotes(store.layout.catalogLock).read().doubt.failure }

    @Test func `is not moved into the database`() throws {
        let database = URL(fileURLWithPath: store.layout.catalog)
        try store.catalog.checkpoint()
        try write(store, durably: false)
        let before = try Data(contentsOf: database)
        try fail("fdatasync")
        #expect(throws: RegistryError.self) { try store.catalog.checkpoint() }
        #expect(try Data(contentsOf: database) == before)
        try store.catalog.sync()
        try store.catalog.checkpoint()
        #expect(try Data(contentsOf: database) != before)
    }

    @Test func `stays so when a sync fails while it is written anew`() throws {
        try fail("fdatasync")
        let log = store.catalog.log
        try store.catalog.exclusively { database in
            // The failure that this mends is the last one: another one may come before it is done.
            Fault.inject("fdatasync", EIO, under: self.log)
            defer { Fault.clear(under: self.log) }
            #expect(throws: PosixError.self) { try log.rewrite(database) }
            log.doubt()
            try log.rewrite(database)
        }
        #expect(!log.isInDoubt)
    }

    @Test func `is one for whoever comes later, and for itself alone where it cannot be noted`() throws {
        Fault.inject("pwrite", EIO, under: store.layout.catalogLock)
        try fail("fdatasync")
        Fault.clear(under: store.layout.catalogLock)
        #expect(try !DiskStore(at: folder.path).catalog.log.isInDoubt)
        #expect(store.catalog.log.isInDoubt)
        try store.catalog.sync()
        #expect(!store.catalog.log.isInDoubt)
        try write(store, durably: false)
        try fail("fdatasync")
        Fault.inject("pwrite", EIO, under: log)
        let late = try DiskStore(at: folder.path)
        #expect(late.catalog.log.isInDoubt)
        Fault.clear(under: log)
        try write(late)
        #expect(!store.catalog.log.isInDoubt)
    }

    @Test func `is every log that the first to open a store finds`() throws {
        let after = try TemporaryFolder()
        let layout = StoreLayout(root: after.path)
        try layout.prepare()
        for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
            try FileManager.default.copyItem(atPath: "\(store.root)/\(name)", toPath: "\(after.path)/\(name)")
        }
        let log = "\(layout.catalog)-wal"
        for call in ["pwrite", "fdatasync"] {
            Fault.inject(call, EIO, under: log, times: .max)
            #expect(throws: PosixError.self) { try DiskStore(at: after.path) }
            Fault.clear(under: log)
        }
        let first = try DiskStore(at: after.path)
        #expect(!first.catalog.log.isInDoubt)
        #expect(try count(first) == count(store))
    }
}
