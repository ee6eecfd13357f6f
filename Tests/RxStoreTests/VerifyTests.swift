import CSQLite
import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

@Suite struct `A check of the store` {
    let folder: TemporaryFolder
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        try put(
            ["content": "hello", "more": "others"],
            try definition("a", ["description": .string("words of it"), "provides": .object(["python": ["acme"]])]), in: store)
    }

    func path(_ text: String) -> String { store.layout.blob(sha256(Array(text.utf8))) }

    /// Writes bytes over a file of the store, as a disk that fails would: in place.
    func damage(_ text: String, with bytes: String) throws {
        #expect(chmod(path(text), 0o644) == 0)
        try Data(bytes.utf8).write(to: URL(fileURLWithPath: path(text)), options: [])
    }

    /// Runs SQL that nobody of rx would run.
    func sql(_ text: String) {
        var handle: OpaquePointer?
        sqlite3_open_v2(store.layout.catalog, &handle, SQLITE_OPEN_READWRITE, nil)
        defer { sqlite3_close_v2(handle) }
        let result = sqlite3_exec(handle, "PRAGMA foreign_keys = OFF; \(text)", nil, nil, nil)
        #expect(result == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    }

    func verify(repairs: Bool = false, sample: Int? = nil) throws -> VerifyReport {
        try store.verify(VerifyOptions(sample: sample, repairs: repairs), with: NoHelp())
    }

    func kinds(_ report: VerifyReport) -> [Finding.Kind] { report.findings.map(\.kind) }

    @Test func `finds nothing in a whole store, with every blob hashed`() throws {
        let report = try verify()
        #expect(report.isClean && report.findings.isEmpty, "\(report.findings)")
        #expect(report.blobs == 3 && report.hashedBlobs == 3 && report.bytes == report.hashedBytes)
        #expect(report.manifests == 1 && report.tags == 1 && report.leftovers.isEmpty)
    }

    @Test(arguments: [("jello", Finding.Kind.blobBytes), ("hell", .blobLength), ("hello!", .blobLength), ("", .blobLength)])
    func `names a file with other bytes, and what needs it; set aside, the next put heals it`(_ bytes: String, _ kind: Finding.Kind) throws
    {
        try damage("hello", with: bytes)
        for _ in 0..<2 {
            let report = try verify()
            #expect(kinds(report) == [kind] && !report.isClean)
            #expect(report.findings[0].digest == sha256(Array("hello".utf8)))
            #expect(report.findings[0].resources == ["a"] && report.findings[0].advice != nil)
        }
        let left = try verify(repairs: true)
        #expect(kinds(left) == [kind] && left.found == 1 && left.repaired == 0)
        #expect(try Files.names(in: store.layout.damaged).count == 1)
        #expect(try Files.status(path("hello")) == nil)
        #expect(try kinds(verify()) == [.blobMissing])
        try put(["content": "hello"], try definition("b"), in: store)
        #expect(try verify().isClean)
        #expect(try verify().leftovers == [.damaged: 1])
    }

    @Test func `takes a damaged blob that nobody names away, and no lost one for damage`() throws {
        let operation = try store.begin()
        _ = try operation.stage(BytesSource(Array("loose".utf8)), expecting: nil)
        try operation.publish()
        try damage("loose", with: "goose")
        #expect(try kinds(verify()) == [.blobBytes])
        let report = try verify(repairs: true)
        #expect(report.isClean && report.repaired == 1)
        let after = try verify()
        #expect(after.isClean && after.leftovers == [.unfinished: 1, .damaged: 1])
        withExtendedLifetime(operation) {}
    }

    @Test func `finds a missing file, a missing row and a wrong row, and writes rows anew`() throws {
        sql("DELETE FROM blobs WHERE size = 5")
        let missing = try verify()
        #expect(kinds(missing) == [.rowMissing] && missing.leftovers == [.orphans: 1])
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
        sql("UPDATE blobs SET size = 7 WHERE size = 5")
        #expect(try kinds(verify(sample: 0)) == [.rowSize])
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
        try Files.remove(path("others"))
        #expect(try kinds(verify(sample: 0)) == [.blobMissing])
        #expect(try !verify(repairs: true).isClean)
    }

    @Test func `setting damaged blobs aside does not move time on`() throws {
        try damage("hello", with: "jello")
        try damage("others", with: "ithers")
        let version = try store.version()
        func clock() throws -> Int? { try store.catalog.read { try $0.first("SELECT now FROM clock") { $0.int(0) } } }
        try store.catalog.write { database, now in try database.run("UPDATE clock SET time = ?", .integer(now + 1000)) }
        let before = try clock()
        _ = try verify(repairs: true)
        #expect(try clock() == before)
        #expect(try store.version() != version)
    }

    @Test(arguments: [
        ("DELETE FROM refs", Finding.Kind.references), ("INSERT INTO refs SELECT id, zeroblob(32) FROM manifests", .references),
        ("INSERT INTO refs VALUES (77, zeroblob(32))", .references), ("INSERT INTO children VALUES (77, zeroblob(32))", .children),
        ("INSERT INTO children SELECT id, zeroblob(32) FROM manifests", .children),
        ("UPDATE manifests SET tree = zeroblob(32)", .manifestFacts), ("UPDATE manifests SET size = 1", .manifestFacts),
        ("UPDATE manifests SET files = 1", .manifestFacts), ("UPDATE manifests SET definition = '{}'", .manifestFacts),
        ("UPDATE manifests SET artifact_type = 'x'", .manifestFacts), ("UPDATE manifests SET subject = 'x'", .manifestFacts),
        ("DELETE FROM search", .search), ("UPDATE search SET name = 'b'", .search),
        ("INSERT INTO search (rowid, name) VALUES (77, 'x')", .search), ("DELETE FROM search_data WHERE id > 10", .search),
        ("DELETE FROM provides", .provides), ("INSERT INTO provides SELECT 'ruby', 'other', id FROM manifests", .provides),
        ("INSERT INTO provides VALUES ('ruby', 'other', 77)", .provides), ("UPDATE provides SET module = 'changed'", .provides),
    ])
    func `finds what does not follow from the manifest, and makes it anew`(_ change: String, _ kind: Finding.Kind) throws {
        sql(change)
        let found = try verify(sample: 0)
        #expect(!found.isClean && found.findings.allSatisfy { $0.kind == kind }, "\(found.findings)")
        let repaired = try verify(repairs: true, sample: 0)
        #expect(repaired.found == found.found && repaired.isClean, "\(repaired.findings)")
        let after = try verify()
        #expect(after.findings.isEmpty, "\(after.findings)")
        #expect(try store.search(SearchQuery(text: "words")).total == 1)
        #expect(try store.providers(of: ModuleName(parsing: "python:acme"), scope: .own, limit: 2).count == 1)
        #expect(try store.collect(dryRun: true, leaseTime: 0).blobs == 0)
    }

    @Test func `finds a tag to nowhere, which goes when it is removed`() throws {
        sql("INSERT INTO tags SELECT registry, repository, 'lost', 99, 1, 1, 99 FROM tags")
        for repairs in [false, true] {
            let report = try verify(repairs: repairs)
            #expect(kinds(report) == [.tag] && !report.isClean && report.findings[0].resources == ["a:lost"])
        }
        #expect(try store.remove(registry: "", repository: "a", selector: .tag("lost")).count == 1)
        #expect(try verify().findings.isEmpty)
    }

    @Test func `takes a manifest's bytes from where they are right, and a push puts them right too`() throws {
        let record = try #require(try store.resolve(registry: "", repository: "a", selector: .tag("latest")))
        let stored = try #require(try store.artifact(registry: "", repository: "a", name: .tag("latest")))
        sql("UPDATE manifests SET bytes = CAST(bytes || ' ' AS BLOB)")
        let report = try verify(repairs: true)
        #expect(kinds(report) == [.manifestBytes] && !report.isClean && report.findings[0].resources == ["a"])
        let artifact = try Artifact(parsing: stored.bytes, mediaType: stored.mediaType, repository: "a")
        let operation = try store.begin()
        #expect(
            try operation.commit([artifact], as: Reference(repository: "a", tag: "again"), names: [:]).manifestDigest
                == record.manifestDigest)
        #expect(try verify().isClean)
        // A twin in another repository is enough.
        let twin = try store.begin()
        _ = try twin.commit([artifact], as: Reference(repository: "b", tag: "1"), names: [:])
        sql("UPDATE manifests SET bytes = CAST(bytes || ' ' AS BLOB) WHERE repository = 'a'")
        let healed = try verify(repairs: true)
        #expect(healed.found == 1 && healed.isClean, "\(healed.findings)")
        #expect(try verify().findings.isEmpty)
    }

    @Test func `fetches what is lost through whoever helps, and believes only its bytes`() throws {
        final class Help: VerifyHelper {
            let store: DiskStore
            let bytes: [UInt8]
            init(_ store: DiskStore, _ bytes: [UInt8]) { (self.store, self.bytes) = (store, bytes) }
            func fetch(_ lost: [LostBlob]) throws {
                let operation = try store.begin()
                for _ in lost { _ = try operation.stage(BytesSource(bytes), expecting: nil) }
                try operation.publish()
            }
        }
        try put(["content": "copied"], try definition("a"), in: store, registry: "host")
        try damage("copied", with: "c0pied")
        let wrong = try store.verify(VerifyOptions(repairs: true), with: Help(store, Array("nothing".utf8)))
        #expect(wrong.found == 1 && wrong.repaired == 0 && wrong.findings[0].resources == ["host/a"])
        let right = try store.verify(VerifyOptions(repairs: true), with: Help(store, Array("copied".utf8)))
        #expect(right.found == 1 && right.isClean)
        #expect(try verify().isClean)
    }

    @Test func `finds a cached archive that is not what was built, and a collection those that nobody uses`() throws {
        let record = try #require(try store.resolve(registry: "", repository: "a", selector: .tag("latest")))
        let path = "\(store.layout.archives)/\(SealedArchive.name(record.manifestDigest))"
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
        let sink = SealingSink(FileSink(file), of: record.manifestDigest)
        try Array("as built".utf8).withUnsafeBytes { try sink.write($0) }
        #expect(try SealedArchive(file, writtenBy: sink).length == 8)
        try folder.write("cache/archives/\(record.manifestDigest.hex).tar.gz", "without a seal")
        try folder.write("cache/archives/half.part", "half")
        #expect(try verify().findings.isEmpty)
        #expect(pwrite(file.number, "A", 1, 0) == 1)
        for repairs in [false, true] {
            let report = try verify(repairs: repairs)
            #expect(kinds(report) == [.cache] && report.isClean == repairs && report.findings[0].path == path, "\(report.findings)")
            #expect(try verify(sample: 0).findings.isEmpty)
        }
        #expect(try Files.status(path) == nil)

        // Right bytes, but those of another resource.
        let other = "\(store.layout.archives)/\(SealedArchive.name(sha256([1])))"
        #expect(pwrite(file.number, "a", 1, 0) == 1)
        try Files.replace(path, with: FileRangeSource(file).readAll())
        #expect(try verify().findings.isEmpty)
        try Files.replace(other, with: FileRangeSource(file).readAll())
        #expect(try verify().findings.map(\.path) == [other])
        #expect(try store.collect(dryRun: false, leaseTime: nil).leftoverKinds.archives == 2)
        #expect(try Set(Files.names(in: store.layout.archives)) == [SealedArchive.name(record.manifestDigest), "half.part"])
    }

    @Test func `makes a lost blob from what the catalog holds of it`() throws {
        let upload = try store.beginUpload(in: "r")
        let bytes = Array("fresh".utf8)
        bytes.withUnsafeBytes { try? upload.append($0) }
        _ = try upload.finish(as: .sha256(sha256(bytes)))
        try put(["content": "fresh"], try definition("f"), in: store)
        sql(
            "INSERT OR REPLACE INTO fresh (digest, bytes) SELECT digest, CAST('fresh' AS BLOB) FROM blobs WHERE hex(digest) = '\(sha256(bytes).hex.uppercased())'"
        )
        try Files.remove(path("fresh"))
        let report = try verify(repairs: true)
        #expect(kinds(report) == [.blobMissing] && report.isClean)
        #expect(try text(sha256(bytes), in: store) == "fresh")
        // Its own bytes may be what is wrong.
        sql("UPDATE fresh SET bytes = CAST('f' AS BLOB)")
        #expect(try kinds(verify()) == [.fresh])
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
    }

    @Test func `a file that a killed collection had moved aside is none that is missing`() throws {
        let aside = "\(store.layout.trash)/\(sha256(Array("hello".utf8)).hex).x"
        try Files.rename(path("hello"), to: aside)
        let report = try verify()
        #expect(report.findings.isEmpty && report.leftovers.isEmpty)
        #expect(try text(sha256(Array("hello".utf8)), in: store) == "hello")
    }

    @Test func `counts what is no damage`() throws {
        try Files.replace("\(store.layout.blobs)/00/stranger", with: [1])
        try Files.replace("\(store.layout.blobs)/ab/\(String(repeating: "ab", count: 32))", with: [1])
        try Files.makeFolders("\(store.layout.staging)/dead")
        try Files.replace("\(store.layout.trash)/x", with: [1])
        sql(
            "INSERT INTO leases VALUES ('x', zeroblob(32), 99999999999); INSERT INTO aliases VALUES ('sha512:\(String(repeating: "0", count: 128))', zeroblob(32))"
        )
        let report = try verify()
        #expect(report.findings.isEmpty)
        #expect(report.leftovers == [.strangers: 1, .orphans: 1, .staging: 1, .trash: 1, .leases: 1, .names: 1])
    }

    @Test func `compares other names with the bytes`() throws {
        let digest = sha256(Array("hello".utf8))
        sql(
            "INSERT INTO aliases SELECT 'sha512:\(String(repeating: "0", count: 128))', digest FROM blobs WHERE hex(digest) = '\(digest.hex.uppercased())'"
        )
        #expect(try kinds(verify()) == [.alias])
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
    }

    @Test func `compares what is derived with its source`() throws {
        let bytes = (0..<9 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let operation = try store.begin()
        let blob = try operation.stage(BytesSource(bytes), expecting: nil)
        try operation.publish()
        let cache = ChunkIndexCache(folder: "\(store.layout.cache)/chunks")
        _ = try cache.index(of: blob) { BytesSource(bytes) }
        #expect(try verify().findings.isEmpty)
        let path = "\(store.layout.cache)/chunks/\(blob.digest.hex)"
        var records = try Files.read(path)
        records[records.count - 1] ^= 1
        try Files.replace(path, with: records)
        try Files.replace("\(store.layout.cache)/files.sqlite", with: Array("no database at all, just words".utf8))
        #expect(try kinds(verify()) == [.cache, .cache])
        #expect(try verify(repairs: true).isClean)
        #expect(try verify().findings.isEmpty)
        withExtendedLifetime(operation) {}
    }

    @Test func `a file that cannot be read is damage, a full table of files is none`() throws {
        guard Fault.available else { return }
        Fault.inject("pread", EIO, under: path("hello"), times: 2)
        #expect(try kinds(verify()) == [.blobUnreadable])
        Fault.inject("open", EMFILE, under: path("hello"), times: 1)
        #expect(throws: PosixError.self) { try verify() }
        Fault.clear(under: path("hello"))
        #expect(try verify().findings.isEmpty)
    }

    @Test func `chooses a sample without preference`() {
        let all = (0..<100).map { StagedBlob(digest: sha256([UInt8($0)]), size: $0) }
        var counts = [Int](repeating: 0, count: 100)
        for _ in 0..<2000 {
            var sample = Sample(10)
            for blob in all { sample.meet(blob) }
            #expect(Set(sample.chosen).count == 10)
            for blob in sample.chosen { counts[blob.size] += 1 }
        }
        // 200 are expected of each; one in 10^8 is 77 away (six standard deviations of 13.4 make 80).
        #expect(counts.allSatisfy { (110...290).contains($0) }, "\(counts)")
        var few = Sample(500)
        for blob in all { few.meet(blob) }
        #expect(few.chosen.count == 100)
    }

    @Test func `walks more blobs than a page holds, each once`() throws {
        let operation = try store.begin()
        for number in 0..<3000 { _ = try operation.stage(BytesSource(Array("\(number)".utf8)), expecting: nil) }
        try operation.publish()
        let walk = BlobWalk(store, sample: 7)
        var seen: [StagedBlob] = []
        while let blob = try walk.next() { seen.append(blob) }
        #expect(seen.count == 3003 && Set(seen).count == 3003)
        #expect(seen.map(\.digest) == seen.map(\.digest).sorted())
        #expect(walk.orphans == 0 && walk.strangers == 0 && walk.sample.count == 7)
        #expect(try verify(sample: 5).hashedBlobs == 5)
        operation.cancel()
    }

    @Test func `compares the search index while somebody else writes`() throws {
        for name in ["one", "two", "three"] { try put(["content": name], try definition(name), in: store) }
        let catalog = StoreLayout(root: folder.path).catalog
        var copies = 0
        func isRight() throws -> Bool {
            copies += 1
            return try SearchCopy(of: catalog, at: "\(folder.path)/copy\(copies)").isRight()
        }
        #expect(try store.catalog.exclusively { _ in try isRight() })
        sql("DELETE FROM search_data WHERE id > 10")
        #expect(try store.catalog.exclusively { _ in try !isRight() })
        #expect(try verify().findings.contains { $0.kind == .search && $0.digest == nil })
        #expect(try verify(repairs: true).isClean && isRight())
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/staging").isEmpty)
    }

    @Test func `takes nothing for damage that others do meanwhile`() throws {
        let others = try DiskStore(at: folder.path)
        // For three seconds, and on a loaded machine until all have come to do enough.
        let begun = Clock.monotonic
        let (writes, collected, isOver) = (Monitor(0), Monitor(0), Monitor(false))
        let writer = Background<Result<Int, any Error>> {
            Result {
                var count = 0
                while !isOver.updateQuietly({ $0 }) {
                    let files = Dictionary(uniqueKeysWithValues: (0..<8).map { ("f\($0)", "\(count) \($0 % 2 == 0 ? "same" : "\($0)")") })
                    try put(files, try definition("moving"), in: others, tag: "\(count % 3)")
                    if count % 3 == 0 { _ = try others.remove(registry: "", repository: "moving", selector: .tag("1")) }
                    count += 1
                    writes.updateQuietly { $0 = count }
                }
                return count
            }
        }
        let collector = Background<Result<Int, any Error>> { [path = folder.path] in
            Result {
                let store = try DiskStore(at: path)
                var count = 0
                while !isOver.updateQuietly({ $0 }) {
                    count += try store.collect(dryRun: false, leaseTime: nil).blobs
                    collected.updateQuietly { $0 = count }
                }
                return count
            }
        }
        var checks = 0
        defer { isOver.update { $0 = true } }
        func isEnough() -> Bool { writes.updateQuietly { $0 } > 10 && collected.updateQuietly { $0 } > 10 && checks > 2 }
        while case let time = Clock.monotonic - begun, time < 3_000_000_000 || time < 120_000_000_000 && !isEnough() {
            let report = try verify(repairs: checks % 2 == 1)
            #expect(report.findings.isEmpty, "\(report.findings)")
            checks += 1
        }
        isOver.update { $0 = true }
        #expect(try writer.value.get() > 10 && collector.value.get() > 10 && checks > 2)
    }
}
