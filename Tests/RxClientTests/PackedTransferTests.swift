import RxArchive
import RxCrypto
import RxLoader
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Packed resources` {
    let home: TemporaryFolder
    let other: TemporaryFolder
    let registry = FakeDistribution()
    let name = "a.test/team/many"

    init() throws {
        home = try TemporaryFolder()
        other = try TemporaryFolder()
    }

    func client(_ folder: TemporaryFolder? = nil) throws -> Client {
        try Client(home: (folder ?? home).path, environment: "http://a.test", transport: registry.transport)
    }

    /// A resource whose manifest has about `bytes` bytes, with a file of each kind.
    func many(_ bytes: Int = PackedResource.manifestLimit + 1, _ more: [ResourceFile] = []) throws -> ResourceManifest {
        let one = try file("f/00000000", "hello")
        func manifest(_ count: Int, _ note: Int) throws -> ResourceManifest {
            let files = try (0..<count).map { index in
                ResourceFile(
                    path: try FilePath(parsing: "f/\(String(String(100_000_000 + index).dropFirst()))"), digest: one.digest, size: one.size,
                    executable: index == 1)
            }
            let note = String(repeating: "n", count: note)
            return try ResourceManifest(
                definition: definition("many", ["path": "team", "note": .string(note)]),
                files: files + more + [try file("link", "f/00000000", symlink: "f/00000000")])
        }
        let empty = try manifest(2, 0).bytes.count
        let each = try manifest(3, 0).bytes.count - empty
        let count = 2 + (bytes - empty) / each
        return try manifest(count, bytes - (try manifest(count, 0).bytes.count))
    }

    @discardableResult
    func store(_ manifest: ResourceManifest, in client: Client) throws -> ResourceRecord {
        let operation = try client.store.begin()
        for text in ["hello", "f/00000000", "jello"] { _ = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil) }
        return try operation.commit(manifest, as: Reference(manifest.definition.locator))
    }

    func pushed(_ manifest: ResourceManifest) throws -> ArtifactManifest {
        let client = try client()
        try store(manifest, in: client)
        _ = try client.push(manifest.definition.locator, to: nil)
        let held = try #require(registry.repository(name))
        let digest = try #require(held.tags["latest"])
        let bytes = try #require(held.manifests[digest])
        return try ArtifactManifest(parsing: bytes.bytes, mediaType: bytes.type)
    }

    @Test func `are what goes when the manifest is longer than 4 MiB, by a byte`() throws {
        let longest = try many(PackedResource.manifestLimit)
        #expect(longest.bytes.count == PackedResource.manifestLimit)
        #expect(try pushed(longest).layers.count == longest.files.count)
        let longer = try many()
        #expect(longer.bytes.count == PackedResource.manifestLimit + 1)
        let packed = try pushed(longer)
        #expect(packed.layers.count == 2 && packed.annotations[Annotation.manifest] == longer.digest.description)
    }

    @Test func `brings a packed resource back under its own manifest`() throws {
        let manifest = try many()
        _ = try pushed(manifest)
        let bob = try client(other)
        let described = try bob.describe(Locator(parsing: name), at: nil)
        #expect(described.record.manifestDigest == manifest.digest && described.files == manifest.files)
        for digest in [nil, manifest.digest, manifest.tree] {
            let locator = try Locator(parsing: digest.map { "\(name)@\($0)" } ?? name)
            let record = try bob.pull(locator, from: nil)
            #expect(record.manifestDigest == manifest.digest && record.tree == manifest.tree)
            #expect(try bob.store.manifest(of: record) == manifest)
        }
        let before = registry.asked.count
        _ = try bob.find(Locator(parsing: name))
        #expect(!registry.asked.dropFirst(before).contains { $0.contains("/blobs/") }, "a current copy costs no blob")
        let uploads = registry.uploads
        _ = try client().push(manifest.definition.locator, to: nil)
        #expect(registry.uploads == uploads, "what is there already is not packed again")
        _ = try bob.push(Locator(parsing: name), to: "b.test")
        let tags = ["a.test/team/many", "b.test/team/many"].map { registry.repository($0)?.tags["latest"] }
        #expect(tags[0] != nil && tags[0] == tags[1], "another home packs the same bytes")
    }

    @Test func `is bound by its list of files, and comes whole with the first one`() throws {
        let manifest = try many()
        _ = try pushed(manifest)
        let bob = try client(other)
        let before = registry.asked.count
        let bound = try bob.bind(Locator(parsing: name))
        #expect(!bound.isWhole && bound.digest == manifest.digest && bound.manifest == manifest)
        #expect(registry.asked.dropFirst(before).count { $0.contains("/blobs/") } == 1, "the list")
        #expect(try bob.local(Locator(parsing: name)) == nil)
        // Another process, which has the manifest alone.
        let again = try client(other).bind(Locator(parsing: "\(name)@\(manifest.digest)"))
        for resource in [again, bound] {
            let first = try #require(resource.manifest.files.first)
            #expect(try resource.open(first).readAll() == Array("hello".utf8))
        }
        #expect(try bob.local(Locator(parsing: name))?.manifestDigest == manifest.digest, "all of it is here")
        #expect(try bob.store.verify(VerifyOptions(), with: NoHelp()).isClean)
    }

    @Test func `moves no tag when a file of it is opened`() throws {
        let old = try many()
        _ = try pushed(old)
        let bob = try client(other)
        let bound = try bob.bind(Locator(parsing: name))
        // Meanwhile another process binds what the tag has moved to.
        let new = Artifact(try ResourceManifest(definition: definition("many", ["path": "team"]), files: [file("new", "new")]))
        try bob.store.putPartial(new, as: Reference(registry: "a.test", repository: "team/many", tag: "latest"), pinned: false)
        let first = try #require(bound.manifest.files.first)
        #expect(try bound.open(first).readAll() == Array("hello".utf8))
        let meant = try bob.store.partialCopy(registry: "a.test", repository: "team/many", selector: .tag("latest"))
        #expect(try meant?.place.digest == new.digest && bob.local(Locator(parsing: name)) == nil)
        #expect(try bound.missing(bound.manifest.files).isEmpty, "and all of it came")
        _ = try bob.store.collect(dryRun: false, leaseTime: nil)
        #expect(try bound.missing(bound.manifest.files).isEmpty)
        #expect(try bob.store.verify(VerifyOptions(), with: NoHelp()).isClean)
    }

    @Test func `packs the same resource to the same bytes`() throws {
        let manifest = try many(20_000)
        let client = try client()
        try store(manifest, in: client)
        let one = try PackedOrigin(manifest, digest: manifest.digest, in: home.path, open: client.store.open)
        let two = try PackedOrigin(manifest, digest: manifest.digest, in: other.path, open: client.store.open)
        #expect(one.packed.bytes == two.packed.bytes)
        #expect(try one.open(one.packed.archive).readAll() == two.open(two.packed.archive).readAll())
        #expect(try Files.names(in: other.path).isEmpty, "the archive has no name")
        let files = try readArchive(one.open(one.packed.archive)) { content in
            let bytes = try content.readAll()
            return (sha256(bytes), bytes.count)
        }
        #expect(files == manifest.files)
    }

    /// Ways to disagree, each with a word of the message.
    static let lies: [(String, String)] = [
        ("another tree", "digest"), ("another manifest", "digest"), ("an index without a file", "digest"),
        ("an index of another file", "digest"),
        ("an archive of another file", "other files"), ("an archive with one file more", ""), ("a bomb", "unpacks to more"),
        ("an archive that leaves the root", ""), ("an archive that is cut short", ""), ("an index that is cut short", ""), ("no index", ""),
    ]

    @Test(arguments: lies.indices) func `stores nothing of a packed resource that disagrees with itself:`(_ index: Int) throws {
        let (lie, word) = `Packed resources`.lies[index]
        let source = try client()
        let manifest = try many(20_000)
        try store(manifest, in: source)
        let evil = try ResourceManifest(
            definition: manifest.definition, files: manifest.files.dropLast(2) + [try file("f/x", "jello"), try file("link", "hello")])
        func archive(_ files: [ResourceFile]) throws -> [UInt8] {
            let sink = BytesSink()
            try writeArchive(files: files, to: sink, open: source.store.open)
            return sink.bytes
        }
        var (bytes, list) = (try archive(manifest.files), FileIndex.bytes(manifest.files))
        var named = manifest
        var digest = manifest.digest
        switch lie {
        case "another tree": named = evil
        case "another manifest": digest = evil.digest
        case "an index without a file": list = FileIndex.bytes(manifest.files.dropLast())
        case "an index of another file": list = FileIndex.bytes(evil.files)
        case "an archive of another file": bytes = try archive(manifest.files.dropLast() + [try file("link", "hello")])
        case "an archive with one file more": bytes = try archive(manifest.files + [try file("z", "hello")])
        case "a bomb": bytes = try bomb()
        case "an archive that leaves the root": bytes = try archive(manifest.files.dropLast() + [try file("link", "..", symlink: "../..")])
        case "an archive that is cut short": bytes.removeLast()
        case "an index that is cut short": list.removeLast()
        default: break
        }
        let packed = PackedResource(named, manifest: digest, archive: (sha256(bytes), bytes.count), index: (sha256(list), list.count))
        registry.change(name) { [bytes, list] repository in
            repository.blobs[sha256(bytes).description] = bytes
            if lie != "no index" { repository.blobs[sha256(list).description] = list }
        }
        registry.put(try JSON(parsing: packed.bytes), MediaType.imageManifest, in: name, tag: "latest")
        let bob = try client(other)
        let error = #expect(throws: (any Error).self, "\(lie)") { try bob.pull(try Locator(parsing: name), from: nil) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(word), "\(lie): \(String(describing: error))")
        #expect(try bob.store.search(SearchQuery()).total == 0)
        #expect(try bob.store.collect(dryRun: true, leaseTime: 0).deleted == CollectionReport().deleted, "\(lie) leaves nothing behind")
    }

    /// A small archive of a large file.
    func bomb() throws -> [UInt8] {
        let sink = BytesSink()
        let writer = ArchiveWriter(to: sink)
        try writer.add(path: FilePath(parsing: "f/00000000"), size: 8 << 20, content: BytesSource([UInt8](repeating: 0, count: 8 << 20)))
        try writer.finish()
        return sink.bytes
    }
}
