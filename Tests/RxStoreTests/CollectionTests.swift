import CSQLite
import Foundation
import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

@Suite struct `A collection` {
    private let folder: TemporaryFolder
    private let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    private func files(_ name: String) throws -> [String] { try RxPosix.Files.names(in: "\(folder.path)/\(name)") }

    /// So many blobs that nothing names.
    @discardableResult
    private func garbage(_ count: Int) throws -> [Digest] {
        let operation = try store.begin()
        defer { operation.cancel() }
        let digests = try (0..<count).map { try operation.stage(BytesSource(Array("garbage \($0)".utf8)), expecting: nil).digest }
        try operation.publish()
        return digests
    }

    /// Asked to end when it has been told so often.
    private final class Impatient: CollectionObserver, @unchecked Sendable {
        // Used by the collecting thread alone.
        var told = 0
        func reached(_ progress: CollectionProgress) -> Bool {
            told += 1
            return told < 1
        }
    }

    @Test func `finds in sorted rows and names what questions for each of them find`() throws {
        var chance = SystemRandomNumberGenerator()
        func digest() -> Digest {
            // Few first bytes, the last among them, and neighbours that differ in their last byte alone.
            var bytes = Array(repeating: UInt8(7), count: 32)
            bytes[0] = [0, 1, 254, 255][Int.random(in: 0..<4, using: &chance)]
            bytes[1] = .random(in: 0..<8, using: &chance)
            bytes[31] = .random(in: 0..<64, using: &chance)
            return Digest(bytes: bytes)!
        }
        let all = Array(Set((0..<1500).map { _ in digest() }))
        let end = try store.catalog.write { database, now in
            for id in 1...2 {
                try database.run(
                    "INSERT INTO manifests (id, registry, repository, digest, media_type, size, files, definition, bytes) VALUES (?, '', 'r', ?, '', 0, 0, '{}', x'')",
                    .integer(id), .digest(sha256([UInt8(id)])))
            }
            for each in all {
                if .random(using: &chance) { try database.run("INSERT INTO blobs VALUES (?, 1, 1)", .digest(each)) }
                for id in 1...2 where Int.random(in: 0..<4, using: &chance) == 0 {
                    try database.run("INSERT INTO refs VALUES (?, ?)", .integer(id), .digest(each))
                }
                for owner in ["a", "b"] where Int.random(in: 0..<4, using: &chance) == 0 {
                    let until = now + (Bool.random(using: &chance) ? 100 : -100)
                    try database.run("INSERT INTO leases VALUES (?, ?, ?)", .text(owner), .digest(each), .integer(until))
                }
            }
            return now
        }
        var dead = IDSet()
        dead.insert(2)
        let files = all.filter { _ in .random(using: &chance) }.sorted()
        try store.catalog.read { database in
            let found = try (0..<256).map { prefix in
                let own = files.filter { $0.bytes[0] == prefix }
                return try PrefixFindings(database, prefix, files: own, dead: (dead, IDSet()), leaseEnd: end)
            }
            let garbage = try database.rows(
                """
                SELECT digest FROM blobs WHERE NOT EXISTS (SELECT 1 FROM refs WHERE refs.digest = blobs.digest AND manifest = 1)
                    AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.digest = blobs.digest AND until > ?) ORDER BY digest
                """, .integer(end)
            ) { try $0.digest(0) }
            #expect(!garbage.isEmpty)
            #expect(found.flatMap(\.dead).map(\.digest) == garbage)
            let named = try database.first(
                "SELECT count(*) FROM blobs WHERE EXISTS (SELECT 1 FROM refs WHERE refs.digest = blobs.digest AND manifest = 1)"
            ) { $0.int(0) }
            #expect(found.reduce(0) { $0 + $1.named } == named)
            let blobs = try Set(database.rows("SELECT digest FROM blobs") { try $0.digest(0) })
            #expect(found.reduce(0) { $0 + $1.named + $1.leased } + garbage.count == blobs.count)
            #expect(found.flatMap(\.orphans) == files.filter { !blobs.contains($0) })
            let expired = try database.rows("SELECT owner, digest FROM leases WHERE until <= ? ORDER BY digest, owner", .integer(end)) {
                "\($0.text(0)) \(try $0.digest(1))"
            }
            #expect(Set(found.flatMap(\.expired).map { "\($0.owner) \($0.digest)" }) == Set(expired))
            #expect(found.reduce(0) { $0 + $1.expired.count } == expired.count)
        }
    }

    @Test func `leaves the store to the one that is going on, and looks beside it`() throws {
        try garbage(3)
        let other = try FileDescriptor.open("\(folder.path)/collect.lock", O_RDWR | O_CREAT, mode: 0o644)
        #expect(flock(other.number, LOCK_EX | LOCK_NB) == 0)
        #expect(throws: CollectionRunningError.self) { try store.collect(CollectionOptions(waits: false)) }
        #expect(throws: CollectionRunningError.self) { try store.collect(CollectionOptions(observer: Impatient())) }
        #expect(try store.collect(CollectionOptions(dryRun: true, waits: false)).blobs == 3)
        let waiting = Background { [store] in Result { try store.collect(CollectionOptions()).blobs } }
        usleep(100_000)
        flock(other.number, LOCK_UN)
        #expect(try waiting.value.get() == 3)
    }

    @Test func `ends where it is when it is asked to, and the next one goes on`() throws {
        try garbage(40)
        let report = try store.collect(CollectionOptions(observer: Impatient()))
        #expect(!report.isComplete && report.blobs < 40)
        #expect(try files("trash").isEmpty)
        #expect(try store.collect(CollectionOptions()).blobs == 40 - report.blobs)
    }

    @Test(.enabled(if: Fault.available), arguments: [ENOSPC, EMFILE])
    func `returns what it moved aside when it cannot go on`(_ errno: Int32) throws {
        let digests = try garbage(400)
        let trash = "\(folder.path)/trash"
        defer { Fault.clear(under: trash) }
        Fault.inject("rename", errno, under: trash, after: 150)
        #expect(throws: (any Error).self) { try store.collect(CollectionOptions()) }
        // What was forgotten before is gone; all else is as it was, whole.
        let left = try digests.filter { digest in
            try store.catalog.read { try $0.hasBlob(digest) }
        }
        #expect(left.count >= 250)
        for digest in left { #expect(try store.open(digest).readAll() == Array("garbage \(digests.firstIndex(of: digest)!)".utf8)) }
        #expect(
            try store.collect(CollectionOptions()).deleted
                == CollectionReport(blobs: left.count, bytes: left.reduce(0) { $0 + "garbage \(digests.firstIndex(of: $1)!)".utf8.count })
                .deleted)
        _ = try DiskStore(at: folder.path)
        #expect(try files("trash").isEmpty)
    }

    @Test(.enabled(if: Fault.available)) func `deletes no file before the log is durable that its row is gone from`() throws {
        try garbage(5)
        defer { Fault.clear(under: folder.path) }
        Fault.inject("fdatasync", EIO, under: "\(folder.path)/catalog.sqlite-wal")
        #expect(throws: PosixError.self) { try store.collect(CollectionOptions()) }
        #expect(try files("trash").count == 5)
        // The next start is another process: it syncs the log itself.
        _ = try DiskStore(at: folder.path)
        #expect(try files("trash").isEmpty)
        try garbage(5)
        Fault.inject("unlink", EIO, under: "\(folder.path)/trash")
        let again = try DiskStore(at: folder.path)
        #expect(try again.collect(CollectionOptions()).blobs == 5)
        #expect(try files("trash").count == 1, "what cannot be deleted is left to the next")
        _ = try DiskStore(at: folder.path)
        #expect(try files("trash").isEmpty)
        #expect(try again.collect(CollectionOptions()).deleted == CollectionReport().deleted)
    }

    @Test func `that lives deletes its own files, whoever opens the store meanwhile`() throws {
        let other = try FileDescriptor.open("\(folder.path)/collect.lock", O_RDWR | O_CREAT, mode: 0o644)
        #expect(flock(other.number, LOCK_EX | LOCK_NB) == 0)
        let name = "\(sha256([1]).hex).x"
        try folder.write("trash/\(name)", "moved")
        _ = try DiskStore(at: folder.path)
        #expect(try files("trash") == [name])
        flock(other.number, LOCK_UN)
        _ = try DiskStore(at: folder.path)
        #expect(try files("trash").isEmpty)
    }

    @Test func `goes on where all of the cache was deleted while the store is open`() throws {
        try garbage(2)
        try RxPosix.Files.removeTree("\(folder.path)/cache")
        #expect(try store.collect(CollectionOptions(dryRun: true)).blobs == 2)
        #expect(try store.collect(CollectionOptions()).blobs == 2)
        let check = try store.verify(VerifyOptions(), with: NoHelp())
        #expect(check.isClean)
    }

    @Test func `begins with what others left in the trash, and a dry run leaves it`() throws {
        let kept = try garbage(1)[0]
        let row = try store.begin()
        defer { row.cancel() }
        #expect(try row.lease([kept: 9]).count == 1)
        try RxPosix.Files.rename(store.layout.blob(kept), to: "\(store.layout.trash)/\(kept.hex).x")
        try folder.write("trash/\(sha256([1]).hex).x", "forgotten")
        try folder.write("trash/orphan.\(kept.hex).x", "perhaps never synced")
        try folder.write("trash/folder/inner/file", "staged")
        // Names need not be text.
        let raw = "\(folder.path)/trash/".utf8CString.dropLast() + [CChar(bitPattern: 0xFF), CChar(bitPattern: 0xFE), 0]
        #expect(mkdir(Array(raw), 0o755) == 0)
        #expect(mkdir(Array(raw.dropLast() + [CChar(UInt8(ascii: "/")), CChar(bitPattern: 0xFF), 0]), 0o755) == 0)
        #expect(try files("trash").count == 5)
        _ = try store.collect(CollectionOptions(dryRun: true))
        #expect(try files("trash").count == 5)
        #expect(try store.collect(CollectionOptions()).deleted == CollectionReport().deleted)
        #expect(try files("trash").isEmpty)
        #expect(try store.open(kept).readAll() == Array("garbage 0".utf8))
        // Where there is no trash there is nothing to do.
        try RxPosix.Files.removeTree(store.layout.trash)
        #expect(try store.collect(CollectionOptions()).deleted == CollectionReport().deleted)
    }

    @Test(.enabled(if: Fault.available)) func `is not kept from its work by what stays in the trash`() throws {
        let trash = "\(folder.path)/trash"
        let kept = try garbage(3)[0]
        let row = try store.begin()
        defer { row.cancel() }
        #expect(try row.lease([kept: 9]).count == 1)
        let aside = "\(trash)/\(kept.hex).x"
        try RxPosix.Files.rename(store.layout.blob(kept), to: aside)
        try folder.write("trash/a", "cannot be deleted")
        defer { for path in ["\(trash)/a", store.layout.blob(kept)] { Fault.clear(under: path) } }
        Fault.inject("unlink", EIO, under: "\(trash)/a")
        Fault.inject("rename", EIO, under: store.layout.blob(kept))
        #expect(try store.collect(CollectionOptions()).blobs == 2)
        #expect(try Set(files("trash")) == ["a", "\(kept.hex).x"], "it has a row: it is no garbage")
        _ = try store.collect(CollectionOptions())
        #expect(try files("trash").isEmpty)
        #expect(try store.open(kept).readAll() == Array("garbage 0".utf8))
    }

    @Test(.enabled(if: Fault.available)) func `is not what keeps anybody from the store when the trash cannot be emptied`() throws {
        let kept = try garbage(1)[0]
        let row = try store.begin()
        defer { row.cancel() }
        #expect(try row.lease([kept: 9]).count == 1)
        try RxPosix.Files.rename(store.layout.blob(kept), to: "\(folder.path)/trash/\(kept.hex).x")
        try folder.write("trash/a", "cannot be deleted")
        defer { for path in ["\(folder.path)/trash/a", store.layout.blob(kept)] { Fault.clear(under: path) } }
        Fault.inject("unlink", EIO, under: "\(folder.path)/trash/a")
        Fault.inject("rename", EIO, under: store.layout.blob(kept))
        _ = try DiskStore(at: folder.path)
        #expect(try Set(files("trash")) == ["a", "\(kept.hex).x"])
        Fault.inject("rename", EMFILE, under: store.layout.blob(kept))
        #expect(throws: PosixError.self) { try DiskStore(at: folder.path) }
        _ = try DiskStore(at: folder.path)
        #expect(try store.open(kept).readAll() == Array("garbage 0".utf8))
    }

    @Test(.enabled(if: Fault.available)) func `goes on behind a blob that cannot be moved`() throws {
        let digests = try garbage(300)
        let stuck = "\(folder.path)/trash/\(digests[7].hex)"
        defer { Fault.clear(under: stuck) }
        Fault.inject("rename", EPERM, under: stuck)
        #expect(try store.collect(CollectionOptions(leaseTime: 0)).blobs == 300)
        #expect(try RxPosix.Files.status(store.layout.blob(digests[7])) != nil)
        let next = try store.collect(CollectionOptions())
        #expect(next.blobs == 0 && next.leftoverKinds.orphans == 1)
        #expect(try RxPosix.Files.status(store.layout.blob(digests[7])) == nil)
    }

    @Test(.enabled(if: Fault.available)) func `deletes nothing that others left before the log is durable`() throws {
        try folder.write("trash/\(sha256([1]).hex).x", "forgotten")
        defer { Fault.clear(under: folder.path) }
        Fault.inject("fdatasync", EIO, under: "\(folder.path)/catalog.sqlite-wal", times: 2)
        #expect(throws: PosixError.self) { try store.collect(CollectionOptions()) }
        #expect(try files("trash").count == 1)
        Fault.clear(under: folder.path)
        #expect(throws: Never.self) { try DiskStore(at: folder.path).collect(CollectionOptions()) }
        #expect(try files("trash").isEmpty)
    }

    @Test func `that looked at an upload before it was renewed leaves it`() throws {
        let patient = try DiskStore(at: folder.path, uploadTime: 0)
        let name = try {
            let upload = try patient.beginUpload(in: "r")
            try upload.keep()
            return upload.name
        }()
        let collecting = try store.catalog.write { database, now in
            // It looks at once, and cannot delete while this transaction goes on.
            let collecting = Background { Result { try patient.abandonedUploads(delete: true) } }
            usleep(200_000)
            try database.run("UPDATE uploads SET until = ? WHERE name = ?", .integer(now + 100), .text(name))
            return collecting
        }
        #expect(try collecting.value.get() == 0)
        #expect(try store.received(name, in: "r") == 0)
        #expect(try store.upload(name, in: "r") != nil)
    }

    @Test func `lets others write between its turns`() throws {
        let other = try DiskStore(at: folder.path)
        let (writes, isOver) = (Monitor(0), Monitor(false))
        let writer = Background {
            while !isOver.updateQuietly({ $0 }) {
                _ = try? other.catalog.write(durably: false) { _, _ in }
                writes.update { $0 += 1 }
            }
        }
        var turns: [Int] = []
        // Whoever waits for a processor writes later.
        let isShared = try waitUntil {
            turns = []
            try store.catalog.inTurns(Array(0..<12)) { turn, item in
                usleep(2000)
                turns.append(writes.updateQuietly { $0 })
            }
            return Set(turns).count >= 3
        }
        isOver.update { $0 = true }
        _ = writer.value
        #expect(turns.count == 12)
        #expect(isShared, "somebody wrote between: \(turns)")
    }

    @Test func `takes less at a time while others write`() throws {
        let other = try DiskStore(at: folder.path)
        func time() throws -> Int { try store.catalog.turn { $0.time } }
        #expect(
            try (0..<3).map { _ in try time() } == Array(repeating: Turn.longest.alone, count: 3), "one's own commits are none of others")
        // What was noticed is forgotten soon: on a loaded machine perhaps before it has worked.
        let rests = try waitUntil {
            try other.catalog.write { database, now in try database.putBlob(StagedBlob(digest: sha256([1]), size: 1), now: now) }
            #expect(try time() == Turn.longest.besideOthers)
            let began = Clock.monotonic
            store.catalog.paced { _ = usleep(20_000) }
            return Clock.monotonic - began >= 80_000_000
        }
        #expect(rests, "it rests three times as long as it worked")
        usleep(UInt32(Pace.memory / 1000))
        #expect(try time() == Turn.longest.alone)
    }

    @Test func `keeps the log short for others`() throws {
        let other = try DiskStore(at: folder.path)
        // 250 pages each.
        for number in 0..<60 {
            try store.catalog.turn { turn in
                try turn.database.putBlob(StagedBlob(digest: sha256([UInt8(number)]), size: 1_000_000), now: turn.now)
                try turn.database.run(
                    "INSERT INTO fresh (digest, bytes) VALUES (?, ?)", .digest(sha256([UInt8(number)])),
                    .blob(Array(repeating: UInt8(number), count: 1_000_000)))
            }
            try other.catalog.write { database, now in try database.putBlob(StagedBlob(digest: sha256([200]), size: number), now: now) }
        }
        let size = try #require(try RxPosix.Files.status("\(folder.path)/catalog.sqlite-wal")).st_size
        #expect(size < 6000 * 4120, "15,000 pages were written, and whoever commits moves the log from 8192 pages on: \(size)")
    }

    @Test func `deletes what a long manifest named piece by piece`() throws {
        let operation = try store.begin()
        let count = 3 * Database.namesAtOnce
        let layers = try (0..<count).map { try operation.stage(BytesSource(Array("\($0)".utf8)), expecting: nil) }
        let config = try operation.stage(BytesSource(ResourceManifest.emptyConfig), expecting: nil)
        func descriptor(_ blob: StagedBlob) -> JSON {
            .members(["mediaType": "a/b", "digest": .string(blob.digest.description), "size": .integer(blob.size)])
        }
        let bytes = JSON.members([
            "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": descriptor(config),
            "layers": .array(layers.map(descriptor)),
        ]).canonical
        let artifact = try Artifact(parsing: bytes, mediaType: nil, repository: "r")
        _ = try operation.commit([artifact], as: Reference(repository: "r", tag: "1"), names: [:])
        #expect(try store.removeArtifact(repository: "r", name: .digest(.sha256(artifact.digest)), sparse: false))
        #expect(
            try store.catalog.read { try $0.first("SELECT count(*) FROM refs") { $0.int(0) } } == count + 1, "nobody waited for all of it")
        // Until it is gone there is nothing wrong with it, and nothing to repair.
        for repairs in [false, true] {
            let check = try store.verify(VerifyOptions(repairs: repairs), with: NoHelp())
            #expect(check.findings.isEmpty, "\(check.findings)")
        }
        #expect(try store.collect(CollectionOptions(dryRun: true)).blobs == count + 1)
        #expect(try store.collect(CollectionOptions()).blobs == count + 1)
        #expect(try store.catalog.read { try $0.first("SELECT count(*) FROM search") { $0.int(0) } } == 0)
        #expect(try store.catalog.read { try $0.first("SELECT count(*) FROM manifests") { $0.int(0) } } == 0)
    }
}
