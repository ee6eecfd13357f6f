import CSQLite
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxStore

@Suite struct `Partial copies on disk` {
    let folder: TemporaryFolder
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    /// Binds a module with one file that is here, and one that is not.
    func bind(_ name: String) throws -> ManifestPlace {
        let manifest = try ResourceManifest(
            definition: definition(name, type: "module"), files: [file("here", "here \(name)"), file("there", "there \(name)")])
        let reference = Reference(registry: "h:1", repository: name, tag: "1")
        try store.putPartial(Artifact(manifest), as: reference, pinned: false)
        let operation = try store.begin()
        let blob = try operation.stage(BytesSource(Array("here \(name)".utf8)), expecting: nil)
        try operation.publish()
        let place = ManifestPlace(registry: "h:1", repository: name, digest: manifest.digest)
        #expect(try store.keep([blob.digest: blob.size], in: place) == [blob.digest])
        return place
    }

    func find(_ name: String) throws -> PartialCopy? {
        try store.partialCopy(registry: "h:1", repository: name, selector: .tag("1"))
    }

    /// Changes rows behind the store's back.
    func change(_ sql: String) throws { try store.catalog.write { database, _ in try database.script(sql) } }

    @Test func `a partial copy that a disk has changed is found, forgotten, and not used`() throws {
        let names = ["bytes", "tree", "refs", "manifest", "right"]
        for name in names { _ = try bind(name) }
        func copy(_ name: String) -> String { "(SELECT id FROM partial_copies WHERE repository = '\(name)')" }
        try change("UPDATE partial_manifests SET bytes = x'00' WHERE copy = \(copy("bytes"))")
        try change("UPDATE partial_copies SET tree = zeroblob(32) WHERE repository = 'tree'")
        try change("INSERT INTO partial_refs VALUES (\(copy("refs")), zeroblob(32))")
        try change("DELETE FROM partial_manifests WHERE copy = \(copy("manifest"))")
        #expect(try find("bytes") == nil && find("manifest") == nil && find("right") != nil)
        let report = try store.verify(VerifyOptions(), with: NoHelp())
        #expect(report.findings.map(\.kind) == Array(repeating: .partial, count: 4), "\(report.findings.map(\.message))")
        #expect(report.partialCopies == 5 && !report.isClean)
        let repaired = try store.verify(VerifyOptions(repairs: true), with: NoHelp())
        #expect(repaired.isClean && repaired.repaired == 4)
        #expect(try store.verify(VerifyOptions(), with: NoHelp()).findings.isEmpty)
        #expect(try names.map { try find($0) != nil } == [false, false, false, false, true])
        // Who binds it again finds it as it was.
        _ = try bind("bytes")
        #expect(try find("bytes") != nil)
    }

    @Test func `a damaged file of a partial copy is set aside, and is no loss`() throws {
        let place = try bind("m")
        let blob = sha256(Array("here m".utf8))
        _ = try Files.replace(store.layout.blob(blob), with: Array("HERE m".utf8))
        #expect(try store.verify(VerifyOptions(), with: NoHelp()).findings.map(\.kind) == [.blobBytes])
        #expect(try store.verify(VerifyOptions(repairs: true), with: NoHelp()).isClean)
        #expect(try store.keep([blob: 6], in: place) == [], "it has to come again")
        #expect(try bind("m") == place)
        #expect(try store.verify(VerifyOptions(), with: NoHelp()).findings.isEmpty)
        Files.discard(store.layout.blob(blob))
        let lost = try store.verify(VerifyOptions(), with: NoHelp())
        #expect(lost.findings.isEmpty && lost.leftovers[.unfinished] == 1, "a file that is not here is no damage")
    }

    @Test func `a bound resource's manifest is written once, and its uses cost next to nothing`() throws {
        let place = try bind("m")
        let version = try store.version()
        for _ in 0..<100 {
            try store.noteUse(ofPartial: place)
            _ = try store.keep([sha256(Array("here m".utf8)): 6], in: place)
        }
        #expect(try store.version() == version, "nothing is written for what is known")
    }

    @Test func `rows go with their copy, in pieces when there are many`() throws {
        let files = try (0..<600).map { try file("f\($0)", "content \($0)") }
        let manifest = try ResourceManifest(definition: definition("many", type: "module"), files: files)
        try store.putPartial(Artifact(manifest), as: Reference(registry: "h:1", repository: "many", tag: "1"), pinned: true)
        let operation = try store.begin()
        for index in 0..<600 { _ = try operation.stage(BytesSource(Array("content \(index)".utf8)), expecting: nil) }
        try operation.publish()
        let place = ManifestPlace(registry: "h:1", repository: "many", digest: manifest.digest)
        let wanted = Dictionary(uniqueKeysWithValues: files.map { ($0.digest, $0.size) })
        #expect(try store.keep(wanted, in: place)?.count == 600)
        operation.cancel()
        func count(_ table: String) throws -> Int {
            let counts = try store.catalog.read { database in
                [
                    "copies": try database.first("SELECT count(*) FROM partial_copies") { $0.int(0) },
                    "refs": try database.first("SELECT count(*) FROM partial_refs") { $0.int(0) },
                    "manifests": try database.first("SELECT count(*) FROM partial_manifests") { $0.int(0) },
                ]
            }
            return (counts[table] ?? nil) ?? -1
        }
        #expect(try store.removeCached(registry: nil).partial == 1)
        #expect(try count("copies") == 1 && count("refs") == 600 && count("manifests") == 0)
        #expect(try store.verify(VerifyOptions(), with: NoHelp()).isClean)
        #expect(try store.collect(dryRun: true, leaseTime: 0).blobs == 600)
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 600)
        #expect(try count("copies") == 0 && count("refs") == 0)
    }

    @Test func `clearing the cache is many short changes, between which others write`() throws {
        let count = 3000
        try store.catalog.write { database, now in
            for index in 0..<count {
                let name = "m\(index)"
                let place = ManifestPlace(registry: "h:1", repository: name, digest: sha256(Array(name.utf8)))
                let bytes = [UInt8](repeating: 1, count: 2000)
                _ = try database.putPartial(place, tree: place.digest, tag: "1", bytes: bytes, pinned: true, now: now)
            }
        }
        // What others do meanwhile sees some of it gone and some not.
        let isOver = Atomic(false)
        let looker = Background { [store] in
            Result {
                var seen: Set<Int> = []
                while !isOver.load(ordering: .relaxed) {
                    seen.insert(try store.catalog.read { try $0.first("SELECT count(*) FROM partial_copies") { $0.int(0) } ?? -1 })
                }
                return seen
            }
        }
        #expect(try store.removeCached(registry: nil).partial == count)
        isOver.store(true, ordering: .relaxed)
        #expect(try looker.value.get().contains { 0 < $0 && $0 < count })
    }
}
