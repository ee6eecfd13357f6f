import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxClient

/// Remembers what it was told.
final class RecordedProgress: Progress {
    private let log = Mutex<[String]>([])
    /// `begin` and `end`, in order.
    var calls: [String] { log.withLock { $0 } }

    func begin(_ what: String, total: Int?) { log.withLock { $0.append("begin \(what)") } }
    func advance(_ bytes: Int) {}
    func end() { log.withLock { $0.append("end") } }
}

@Suite struct `A client at work` {
    let home: TemporaryFolder
    let progress = RecordedProgress()

    init() throws { home = try TemporaryFolder() }

    func client(_ transport: RecordedTransport = RecordedTransport.unreachable, _ environment: String? = "") throws -> Client {
        try Client(home: home.path, environment: environment, transport: transport, progress: progress)
    }

    @Test func `keeps the blobs it reads when their tag is put anew and a collection runs`() throws {
        let client = try client()
        try put(["content": "one", "more": "two"], try definition("hello"), in: client.store)
        let locator = try Locator(parsing: "hello")
        let digests = try client.reading(locator) { _, manifest in
            try put(["content": "three"], try definition("hello"), in: client.store)
            #expect(try client.store.collect(dryRun: false, leaseTime: nil).manifests == 1)
            for file in manifest.files { #expect(try client.store.open(file.digest).readAll().count == file.size) }
            return manifest.files.map(\.digest)
        }
        #expect(try client.store.collect(dryRun: false, leaseTime: nil).blobs == 2, "they are held no longer than that")
        for digest in digests { #expect(throws: RegistryError.self) { try client.store.size(of: digest) } }
    }

    @Test func `finds once more what went away before it was held`() throws {
        let client = try client()
        try put(["content": "one"], try definition("hello"), in: client.store)
        let locator = try Locator(parsing: "hello")
        var asked = 0
        let tree = try client.reading({
            asked += 1
            let record = try #require(try client.local(locator))
            if asked == 1 {
                try put(["content": "three"], try definition("hello"), in: client.store)
                _ = try client.store.collect(dryRun: false, leaseTime: nil)
            }
            return record
        }) { record, manifest in
            #expect(record.tree == manifest.tree)
            return record.tree
        }
        #expect(asked == 2)
        #expect(try client.local(locator)?.tree == tree)
        let gone = try #require(try client.local(locator))
        _ = try client.remove(locator)
        _ = try client.store.collect(dryRun: false, leaseTime: nil)
        let error = #expect(throws: RegistryError.self) { try client.reading({ gone }) { _, _ in } }
        #expect(error?.code == .resourceNotFound)
    }

    @Test func `looks again when a file goes away while it looks`() throws {
        let client = try client()
        try put(["content": "one"], try definition("hello"), in: client.store)
        var looks = 0
        let content = try client.looking(at: try Locator(parsing: "hello")) { _, manifest in
            looks += 1
            if looks == 1 {
                try put(["content": "three"], try definition("hello"), in: client.store)
                _ = try client.store.collect(dryRun: false, leaseTime: nil)
            }
            return try client.store.open(manifest.files[0].digest).readAll()
        }
        #expect(looks == 2 && content == Array("three".utf8))
    }

    @Test func `ends its progress whatever happens`() throws {
        let client = try client()
        let archive = try home.write("bad.tar.gz", "no archive")
        let error = #expect(throws: ContentError.self) { try client.importer.importArchive(archive) }
        #expect(error?.message.hasPrefix("\(archive): ") == true, "the archive is named")
        #expect(progress.calls == ["begin importing", "end"])
        let manifest = try ResourceManifest(definition: try definition("gone"), files: [try file("content", "not stored")])
        #expect(throws: (any Error).self) { try client.exporter.export(manifest, toFolder: "\(home.path)/out", definition: false) }
        #expect(throws: (any Error).self) { try client.exporter.export(manifest, toArchive: "\(home.path)/out.tar.gz") }
        #expect(progress.calls.suffix(4) == ["begin writing", "end", "begin writing", "end"])
    }

    @Test func `tells its progress from a code host, and begins nothing for a folder that is none`() throws {
        let sink = BytesSink()
        try writeArchive(files: [try file("repo-main/SKILL.md", "# A skill")], to: sink) { _ in BytesSource(Array("# A skill".utf8)) }
        let body = sink.bytes
        let client = try client(RecordedTransport { _ in RecordedTransport.Answer(body: body) })
        #expect(try client.add("https://github.com/own/repo/tree/main").record.definition.type == "skill")
        #expect(progress.calls == ["begin adding", "end"])
        #expect(throws: (any Error).self) { try client.add("./nothing-is-here") }
        #expect(try client.store.collect(dryRun: true, leaseTime: 0).deleted == CollectionReport().deleted)
    }

    @Test func `goes on past a registry that does not answer, and past an address that is none`() throws {
        let locator = try Locator(parsing: "team/hello:1")
        let transport = RecordedTransport { asked in
            if asked.url.hasPrefix("http://down.test") { throw RegistryError("Unable to connect to \(asked.url)", code: .unreachable) }
            return try FakeRegistry().transport().answer(asked)
        }
        try home.write(
            "config.json",
            #"{"registries":[{"name":"d","url":"http://down.test"},{"name":"b","url":"no url"},{"name":"u","url":"http://up.test"}]}"#)
        let client = try client(transport, nil)
        #expect(try client.describe(locator, at: nil).record.reference.registry == "up.test")
        #expect(try client.pull(locator, from: nil).reference.registry == "up.test")
        #expect(try client.find(locator).reference.registry == "up.test")
        let other = try Locator(parsing: "nobody/knows")
        for ask in [{ _ = try client.pull(other, from: nil) }, { _ = try client.describe(other, at: nil) }, { _ = try client.find(other) }]
        {
            #expect(#expect(throws: RegistryError.self) { try ask() }?.code == .unreachable, "the first that did not answer is the error")
        }
        try home.write("config.json", #"{"registries":[{"name":"b","url":"no url"},{"name":"u","url":"http://up.test"}]}"#)
        let broken = try self.client(transport, nil)
        #expect(#expect(throws: RegistryError.self) { try broken.defaultRegistry }?.message.contains("Registry \"b\"") == true)
        #expect(#expect(throws: RegistryError.self) { try broken.find(other) }?.message.contains("Registry \"b\"") == true)
        #expect(try broken.find(try Locator(parsing: "up.test/team/hello:1")).reference.registry == "up.test")
    }

    @Test func `addresses copies from a host whose name is one word`() throws {
        let transport = try FakeRegistry().transport()
        try ClientConfiguration.update(home: home.path) { try $0.add("vm", url: "http://vm") }
        let client = try client(transport, nil)
        let copy = try client.pull(try Locator(parsing: "team/hello:1"), from: nil).reference
        #expect(copy.description == "vm:80/team/hello:1")
        let asked = transport.asked.count
        #expect(try client.find(try Locator(parsing: copy.description)).reference == copy)
        #expect(transport.asked.count == asked + 1 && transport.asked.last?.url.hasPrefix("http://vm/api/v1/") == true)
    }
}
