import RxModel
import RxTesting
import Testing

@testable import RxStore

@Suite struct `The use of copies` {
    let folder: TemporaryFolder
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    /// Copies of 100 bytes, put one hour after another, the last of them now.
    private func putCopies(_ names: String...) throws -> [ResourceRecord] {
        let records = try names.map { name in
            try put(["content": String(repeating: name, count: 100)], try definition(name, ["tag": "1"]), in: store, registry: "h:1")
        }
        try put(["content": ""], try definition("own"), in: store)
        try store.catalog.write { database, now in
            for (index, name) in names.enumerated() {
                try database.run(
                    "UPDATE tags SET updated_at = ? WHERE repository = ?", .integer(now - 7200 * (names.count - index)), .text(name))
            }
        }
        return records
    }

    @Test func `a use of a copy is noted once an hour, and keeps it from going first`() throws {
        let records = try putCopies("a", "b", "c")
        let own = try #require(try store.resolve(registry: "", repository: "own", selector: .tag("latest")))
        try store.noteUse(of: own)
        try store.noteUse(of: records[0])
        let first = try store.version()
        for _ in 0..<3 { try store.noteUse(of: records[0]) }
        #expect(try store.version() == first, "what is noted already costs no write")
        #expect(try store.catalog.read { try $0.first("SELECT count(*) FROM uses") { $0.int(0) } } == 1)
        #expect(try store.evictCopies(to: 200, sparing: nil, dryRun: true).copies.map(\.place.repository) == ["b"])
        #expect(try store.evictCopies(to: 199, sparing: nil, dryRun: false).copies.map(\.place.repository) == ["b", "c"])
        #expect(try store.evictCopies(to: 100, sparing: nil, dryRun: false) == Eviction(before: 100, after: 100, copies: [], spared: 0))
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport(blobs: 2, bytes: 200, manifests: 2).deleted)
    }

    @Test func `an old note is replaced, and goes with the copy`() throws {
        let records = try putCopies("a")
        try store.noteUse(of: records[0])
        try store.catalog.write { database, now in try database.run("UPDATE uses SET used_at = ?", .integer(now - 3600)) }
        try store.noteUse(of: records[0])
        let used = try store.catalog.read { database in
            (try database.first("SELECT used_at FROM uses") { $0.int(0) } ?? 0, try database.now())
        }
        #expect(used.0 > used.1 - 60)
        _ = try store.removeCached(registry: nil)
        _ = try store.collect(dryRun: false, leaseTime: 0)
        #expect(try store.catalog.read { try $0.first("SELECT count(*) FROM uses") { $0.int(0) } } == 0)
        try store.noteUse(of: records[0])
    }

    @Test func `the catalog itself keeps a pinned manifest`() throws {
        let record = try #require(try putCopies("a").first)
        #expect(try store.pin(record))
        #expect(throws: RegistryError.self) {
            try store.catalog.write { database, _ in
                try database.run("DELETE FROM tags")
                try database.run("DELETE FROM manifests")
            }
        }
        #expect(try store.resolve(registry: "h:1", repository: "a", selector: .tag("1")) != nil, "all of it was undone")
    }

    @Test func `an index and what it lists go together`() throws {
        let operation = try store.begin()
        let layer = try operation.stage(BytesSource(Array("layer".utf8)), expecting: nil)
        let config = try operation.stage(BytesSource(Array("{}".utf8)), expecting: nil)
        func descriptor(_ digest: Digest, _ size: Int, _ type: String) -> String {
            #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(size)}"#
        }
        let image = Array(
            #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageManifest)","config":\#(descriptor(config.digest, 2, "a/b")),"layers":[\#(descriptor(layer.digest, 5, "a/c"))]}"#
                .utf8)
        let child = try Artifact(parsing: image, mediaType: nil, repository: "r")
        let list = Array(
            #"{"schemaVersion":2,"mediaType":"\#(MediaType.imageIndex)","manifests":[\#(descriptor(child.digest, image.count, MediaType.imageManifest))]}"#
                .utf8)
        let index = try Artifact(parsing: list, mediaType: nil, repository: "r")
        _ = try operation.commit([child, index], as: Reference(registry: "h:1", repository: "r", tag: "1"), names: [:])
        let place = ManifestPlace(registry: "h:1", repository: "r", digest: index.digest)
        let chain = Reason(.listed(by: place), because: [Reason(.tag(Reference(registry: "h:1", repository: "r", tag: "1")))])
        let parts = try #require(try store.explain(.sha256(layer.digest), CollectionOptions())?.parts)
        let named = Reason.Kind.named(by: ManifestPlace(registry: "h:1", repository: "r", digest: child.digest))
        #expect(parts == [Explanation.Part(subject: .blob(5), stays: true, reasons: [Reason(named, because: [chain])])])
        let eviction = try store.evictCopies(to: 6, sparing: nil, dryRun: false)
        #expect(eviction.before == 7 && eviction.after == 0 && eviction.copies.map(\.place) == [place])
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport(blobs: 2, bytes: 7, manifests: 2).deleted)
    }

    @Test func `has the limits of the vectors`() throws {
        let listed = Dictionary(
            try vectors("limits").compactMap { vector in vector["limit"]?.string.map { ($0, vector["default"]?.int) } },
            uniquingKeysWith: { first, _ in first })
        let actual = [
            "use seconds": DiskStore.useInterval, "removals of a transaction": DiskStore.expiryBatch,
            "reasons": Reachability<CatalogFacts>.most,
        ]
        for (name, limit) in actual { #expect(listed[name] == limit, "\(name)") }
    }
}
