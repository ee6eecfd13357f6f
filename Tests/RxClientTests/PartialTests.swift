import RxArchive
import RxCrypto
import RxHTTP
import RxLoader
import RxModel
import RxPosix
import RxProtocol
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxClient

/// A registry of one resource that gives its files one by one, and can be told to lie or to be away.
final class FileRegistry: Sendable {
    struct State {
        var isAway = false
        /// What is in the names that it does not answer for.
        var silent: String?
        /// What is sent for a blob in place of its bytes.
        var lies: [Digest: [UInt8]] = [:]
        var asked: [String] = []
    }

    let fake: FakeRegistry
    let manifest: ResourceManifest
    let state = Mutex(State())

    init(_ files: [String: String], type: String = "module") throws {
        fake = try FakeRegistry(files)
        manifest = try ResourceManifest(
            definition: definition("tools", type: type, ["path": "team", "tag": "1"]), files: try files.map { try file($0.key, $0.value) })
    }

    var transport: RecordedTransport {
        RecordedTransport { [self] asked in
            let path = String(asked.url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })
            return try state.withLock { state in
                if state.isAway { throw RegistryError("Unable to connect to \(asked.url)", code: .unreachable) }
                state.asked.append(path)
                let tag = EntityTag(manifest.digest.description).description
                if path.hasPrefix("/api/v1/resource/"), let names = state.silent, path.contains(names) {
                    throw RegistryError("Unable to connect to \(asked.url)", code: .unreachable)
                }
                if path.hasPrefix("/api/v1/resource/team%2Ftools"), !path.hasPrefix("/api/v1/resource/team%2Ftools%2F") {
                    // As a registry does: what the client says it has is not described again.
                    return asked.headers["If-None-Match"] == tag ? RecordedTransport.Answer(status: 304) : .json(200, info)
                }
                if path.hasPrefix("/api/v1/content/team%2Ftools") {
                    let sink = BytesSink()
                    try writeArchive(files: manifest.files, to: sink) { BytesSource(fake.contents[$0] ?? []) }
                    return RecordedTransport.Answer(body: sink.bytes)
                }
                guard let digest = Digest(String(path.dropFirst("/v2/team/tools/blobs/".count))),
                    let bytes = state.lies[digest] ?? fake.contents[digest]
                else { return FakeRegistry.notFound }
                return RecordedTransport.Answer(body: bytes)
            }
        }
    }

    private var info: JSON {
        ResourceInfo(
            locator: manifest.definition.locator, digest: manifest.tree, manifestDigest: manifest.digest, size: manifest.size,
            fileCount: manifest.files.count, createdAt: 1, updatedAt: 2, definition: manifest.definition, files: manifest.files
        ).json
    }

    var asked: [String] { state.withLock { $0.asked } }
    func away(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
}

@Suite struct `Resources that are here in part` {
    let home: TemporaryFolder
    let registry: FileRegistry

    init() throws {
        home = try TemporaryFolder()
        var files = ["a.py": "alpha", "pkg/b.py": "beta", "pkg/c.py": "gamma"]
        for index in 0..<200 { files["data/\(index)"] = "content \(index)" }
        registry = try FileRegistry(files)
    }

    func client(_ registry: FileRegistry? = nil) throws -> Client {
        try Client(home: home.path, environment: "http://a.test", transport: (registry ?? self.registry).transport)
    }

    func file(_ path: String) throws -> ResourceFile { try #require(registry.manifest.files.first { $0.path.text == path }) }

    func text(_ resource: StoredResource, _ path: String) throws -> String {
        String(decoding: try resource.open(file(path)).readAll(), as: UTF8.self)
    }

    /// What a loader answers with, as text.
    func text(_ reply: Reply) throws -> String? {
        guard case .stream(let stream) = reply.body else { return nil }
        return String(decoding: try stream.open().readAll(), as: UTF8.self)
    }

    @Test func `binding costs one request and each file one more, however many want it at once`() async throws {
        let loader = Loader(local: try client(), remote: try client())
        let texts = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<100 { group.addTask { try text(await loader.get(Headers("/team%2Ftools:1/pkg/b.py"))) } }
            return try await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(texts == Array(repeating: "beta", count: 100))
        let blob = "/v2/team/tools/blobs/\(try file("pkg/b.py").digest)"
        #expect(registry.asked.count == 2 && registry.asked.last == blob, "\(registry.asked)")
        #expect(try text(await loader.get(Headers("/team%2Ftools:1/a.py"))) == "alpha")
        #expect(registry.asked.count == 3)
        let list = await loader.get(Headers("/team%2Ftools:1/pkg"))
        #expect(list.body.json == ["b.py", "c.py"] && registry.asked.count == 3, "names are in the manifest")
        #expect(try client().store.search(SearchQuery()).total == 0, "and nothing is listed")
    }

    @Test func `threads that want a file share what becomes of asking for it`() throws {
        let resource = try client().bind(Locator(parsing: "team/tools:1"))
        let files = try [file("a.py"), file("pkg/b.py")]
        try WorkerPool.forEach(0..<32, threads: 16) { index in
            let texts = try files.map { String(decoding: try resource.open($0).readAll(), as: UTF8.self) }
            #expect(texts == ["alpha", "beta"])
            try resource.fetch(index % 2 == 0 ? files : files.reversed())
        }
        #expect(registry.asked.count == 3, "\(registry.asked)")
        #expect(try resource.missing(registry.manifest.files).count == registry.manifest.files.count - 2)
    }

    @Test func `what came is read offline by the next process, and what did not is unavailable`() async throws {
        let first = Loader(local: try client(), remote: try client())
        #expect(try text(await first.get(Headers("/team%2Ftools:1/a.py"))) == "alpha")
        registry.away(true)
        let loader = Loader(local: try client(), remote: try client())
        #expect(try text(await loader.get(Headers("/team%2Ftools:1/a.py"))) == "alpha")
        let (start, reply) = (ContinuousClock.now, await loader.get(Headers("/team%2Ftools:1/pkg/b.py")))
        #expect(reply.condition == .unavailable)
        let message = "File pkg/b.py of a.test/team/tools:1 is not here, and could not be fetched from a.test: Unable to connect to "
        #expect(reply.message?.hasPrefix(message) == true, "\(reply.message ?? "")")
        registry.away(false)
        #expect(await loader.get(Headers("/team%2Ftools:1/pkg/b.py")).condition == .unavailable || start.duration(to: .now) > .seconds(5))
        #expect(try text(try client().bind(Locator(parsing: "team/tools:1")), "pkg/b.py") == "beta")
        #expect(try text(await loader.get(Headers("/team%2Ftools:1/pkg/b.py"))) == "beta", "others have brought it")
        let asked = registry.asked.count
        let alone = Loader(local: try client(), remote: nil)
        #expect(try text(await alone.get(Headers("/team%2Ftools:1/a.py"))) == "alpha")
        #expect(await alone.get(Headers("/team%2Ftools:1/pkg/c.py")).condition == .unavailable)
        #expect(registry.asked.count == asked, "a loader without registries asks nobody for a file")
        let pinned = try client().bind(Locator(parsing: "team/tools@\(registry.manifest.tree)"))
        #expect(try text(pinned, "a.py") == "alpha" && registry.asked.count == asked)
    }

    @Test func `a tag that was never asked for is not known while its registry is away, and what is here of its name is said`() throws {
        let digest = registry.manifest.digest
        #expect(try text(try client().bind(Locator(parsing: "team/tools@\(digest)")), "a.py") == "alpha")
        registry.away(true)
        for (locator, said) in [("team/tools:1", "a.test/team/tools:1"), ("a.test/team/tools:1", "a.test/team/tools:1")] {
            let error = #expect(throws: RegistryError.self) { try client().bind(Locator(parsing: locator)) }
            #expect(error?.code == .unreachable)
            #expect(
                error?.message.hasPrefix("what the tag of \(said) means is not known here, and could not be asked: Unable to connect")
                    == true)
            #expect(error?.hint?.contains("here is a.test/team/tools@\(digest): ask for that") == true, "\(error?.hint ?? "")")
        }
        let other = #expect(throws: RegistryError.self) { try client().bind(Locator(parsing: "team/other:1")) }
        #expect(
            other?.message.hasPrefix("Unable to connect") == true,
            "of a name that nothing is here of nothing is said: \(other?.message ?? "")")
        #expect(try text(try client().bind(Locator(parsing: "team/tools@\(digest)")), "a.py") == "alpha")
    }

    @Test func `other bytes than the manifest's are refused, and not kept`() throws {
        let lie = try file("a.py").digest
        for bytes in ["alphA", "alp", "alphaa", ""] {
            registry.state.withLock { $0.lies[lie] = Array(bytes.utf8) }
            let resource = try client().bind(Locator(parsing: "team/tools:1"))
            let error = #expect(throws: RegistryError.self) { try text(resource, "a.py") }
            #expect(error?.code == .digestInvalid, "\(String(describing: error))")
            #expect(try resource.missing([file("a.py")]).count == 1)
        }
        registry.state.withLock { $0.lies = [:] }
        #expect(try text(try client().bind(Locator(parsing: "team/tools:1")), "a.py") == "alpha")
        #expect(try client().store.verify(VerifyOptions(), with: NoHelp()).isClean)
    }

    @Test func `a program goes on when others clear the cache, prune it or pull everything`() throws {
        let client = try client()
        let other = try self.client()
        let resource = try client.bind(Locator(parsing: "team/tools:1"))
        #expect(try text(resource, "a.py") == "alpha")
        #expect(try other.store.collect(dryRun: false, leaseTime: 0).blobs == 0, "what was used stays")
        #expect(try other.store.removeCached(registry: nil).partial == 1)
        #expect(try other.store.collect(dryRun: false, leaseTime: 0).blobs == 1)
        #expect(try text(resource, "a.py") == "alpha", "fetched again")
        #expect(try text(resource, "pkg/b.py") == "beta")
        #expect(try other.prune(to: 0, dryRun: false).eviction.copies.map(\.isPartial) == [true])
        #expect(try text(resource, "pkg/b.py") == "beta")
        #expect(try other.store.collect(dryRun: false, leaseTime: 0).blobs == 0, "and kept again")
        let record = try other.pull(Locator(parsing: "team/tools:1"), from: nil)
        #expect(record.manifestDigest == resource.digest)
        #expect(try other.store.partialCopy(registry: "a.test", repository: "team/tools", selector: .digest(resource.digest)) == nil)
        let asked = registry.asked.count
        #expect(try text(resource, "pkg/c.py") == "gamma" && text(resource, "a.py") == "alpha")
        #expect(registry.asked.count == asked, "all is here")
        #expect(try other.store.verify(VerifyOptions(), with: NoHelp()).isClean)
        _ = try other.store.removeCached(registry: nil)
        _ = try other.store.collect(dryRun: false, leaseTime: 0)
        #expect(try text(resource, "data/7") == "content 7" && text(resource, "a.py") == "alpha")
    }

    @Test func `collections and prunes beside threads that read change nothing that is read`() throws {
        let client = try client()
        let resource = try client.bind(Locator(parsing: "team/tools:1"))
        let files = registry.manifest.files
        let isOver = Atomic(false)
        let sweeper = Background { [home] in
            Result {
                let store = try DiskStore(at: home.path)
                while !isOver.load(ordering: .relaxed) {
                    _ = try store.evictCopies(to: 0, sparing: nil, dryRun: false)
                    _ = try store.collect(dryRun: false, leaseTime: nil)
                }
            }
        }
        defer { isOver.store(true, ordering: .relaxed) }
        try WorkerPool.forEach(0..<600, threads: 4) { index in
            let file = files[index * 7 % files.count]
            let bytes = try resource.open(file).readAll()
            #expect(sha256(bytes) == file.digest)
        }
        isOver.store(true, ordering: .relaxed)
        try sweeper.value.get()
        #expect(try client.store.verify(VerifyOptions(), with: NoHelp()).isClean)
    }

    @Test func `a type whose files are used together comes whole`() async throws {
        let registry = try FileRegistry(["content": "hello"], type: "text")
        let loader = Loader(local: try client(registry), remote: try client(registry))
        #expect(await loader.get(Headers("/team%2Ftools:1")).body.text == "hello")
        #expect(try client(registry).local(Locator(parsing: "a.test/team/tools:1")) != nil)
        // What is here in part of such a type is made whole, where somebody answers.
        _ = try client(registry).store.removeCached(registry: nil)
        _ = try client(registry).store.collect(dryRun: false, leaseTime: 0)
        let part = try client(registry).bind(Locator(parsing: "team/tools:1"))
        #expect(!part.isWhole)
        #expect(await Loader(local: try client(registry), remote: nil).get(Headers("/team%2Ftools:1")).condition == .unavailable)
        #expect(
            await Loader(local: try client(registry), remote: try client(registry)).get(Headers("/team%2Ftools:1")).body.text == "hello")
        #expect(try client(registry).local(Locator(parsing: "a.test/team/tools:1")) != nil)
    }

    @Test func `a type whose files are used together is never bound in part where somebody answers, nor offline with files missing`() throws
    {
        let registry = try FileRegistry(["content": "hello", "more": "world"], type: "skill")
        let whole: (String) -> Bool = { $0 == "module" }
        let tagged = try Locator(parsing: "a.test/team/tools:1")
        for pinned in [false, true] {
            registry.away(false)
            _ = try client(registry).store.removeCached(registry: nil)
            _ = try client(registry).store.collect(dryRun: false, leaseTime: 0)
            let part = try client(registry).bind(tagged)
            let content = try #require(part.manifest.files.first { $0.path.text == "content" })
            #expect(try part.open(content).readAll() == Array("hello".utf8) && !part.isWhole)
            let asked = pinned ? try Locator(parsing: "a.test/team/tools@\(part.digest)") : tagged
            registry.away(true)
            #expect(throws: RegistryError.self) { try client(registry).bind(asked, partly: whole) }
            #expect(try !client(registry).bind(asked).isWhole, "who takes it in part has it")
            // With all its files here it is as good as whole, whoever answers.
            registry.away(false)
            try part.fetch(part.manifest.files)
            registry.away(true)
            #expect(try client(registry).bind(asked, partly: whole).missing(part.manifest.files).isEmpty)
            _ = try client(registry).store.removeCached(registry: nil)
            _ = try client(registry).store.collect(dryRun: false, leaseTime: 0)
            registry.away(false)
            let again = try client(registry).bind(tagged)
            #expect(try !again.isWhole && again.missing(again.manifest.files).count == 2)
            #expect(try client(registry).bind(asked, partly: whole).isWhole, "the registry still has what is here in part")
            registry.away(true)
            #expect(try client(registry).bind(asked, partly: whole).isWhole)
        }
    }

    @Test func `one registry that hangs keeps nobody from the same bytes of another`() throws {
        let flights = Flights()
        let digest = try file("a.py").digest
        @Sendable func reference(_ registry: String, _ repository: String) -> Reference {
            Reference(registry: registry, repository: repository, tag: "1")
        }
        let (began, isOver) = (Monitor(false), Monitor(false))
        let hanging = Background {
            Result {
                try flights.bring([digest], of: reference("a.test", "p")) { _ in
                    began.update { $0 = true }
                    _ = isOver.wait(until: { $0 ? true : nil })
                    throw RegistryError("away", code: .unreachable)
                }
            }
        }
        _ = began.wait(until: { $0 ? true : nil })
        var brought = 0
        for other in [reference("b.test", "p"), reference("a.test", "q")] {
            try flights.bring([digest], of: other) { brought += $0.count }
        }
        isOver.update { $0 = true }
        #expect(brought == 2)
        #expect(throws: RegistryError.self) { try hanging.value.get() }
    }

    @Test func `a text is not read another way while a registry does not say whether it has the first`() throws {
        registry.state.withLock { $0.silent = "pkg" }
        let error = #expect(throws: RegistryError.self) { try client().bind(path: "a.test/team/tools/pkg") }
        #expect(error?.code == .unreachable)
        registry.state.withLock { $0.silent = nil }
        #expect(try client().bind(path: "a.test/team/tools/pkg").at.path?.text == "pkg", "nothing was remembered of it")
        // That there is a registry of this name is only one way to read it.
        registry.state.withLock { $0.silent = "x.py" }
        let other = #expect(throws: RegistryError.self) { try client().bind(path: "nosuch:1/x.py") }
        #expect(other?.code == .unreachable, "what came of the first is told")
        #expect(registry.asked.last?.hasPrefix("/api/v1/resource/nosuch") == true, "\(registry.asked)")
    }

    @Test func `looks at the cache are made by one at a time, and rest in between`() throws {
        let traffic = PartialTraffic()
        var (looks, now) = (0, 1000)
        func look(after bytes: Int, takes time: Int = 0, during body: () -> Void = {}) {
            traffic.look(after: bytes, limit: 800, now: { now }) {
                looks += 1
                body()
                now += time
            }
        }
        look(after: 10)
        #expect(looks == 0, "too little came")
        look(after: 90, takes: 50) { look(after: 1000) }
        #expect(looks == 1)
        now += 449
        look(after: 1000)
        #expect(looks == 1, "it rests for nine times as long as it took")
        now += 1
        look(after: 0)
        #expect(looks == 2, "what came meanwhile was counted")
    }

    @Test func `a text is read with the longest locator that is found`() throws {
        let client = try client()
        func found(_ text: String) throws -> [String?] {
            let (resource, at) = try client.bind(path: text)
            return [resource.locator.description, at.path?.text]
        }
        #expect(try found("team/tools:1/pkg/b.py") == ["a.test/team/tools:1", "pkg/b.py"])
        #expect(try found("a.test/team/tools:1/pkg") == ["a.test/team/tools:1", "pkg"])
        #expect(try found("a.test/team/tools:1") == ["a.test/team/tools:1", nil])
        let asked = registry.asked.count
        #expect(try found("team/tools/a.py").last == "a.py")
        #expect(registry.asked.count == asked + 1, "what is here decides: only whether its tag has moved is asked")
        let missing = #expect(throws: RegistryError.self) { try client.bind(path: "no/such/thing") }
        #expect(missing?.code == .resourceNotFound)
    }

    @Test func `files come one by one from a registry that has only /v2/`() throws {
        let other = FakeDistribution()
        func client(_ home: TemporaryFolder) throws -> Client {
            try Client(home: home.path, environment: "http://a.test", transport: other.transport)
        }
        let author = try TemporaryFolder()
        let operation = try client(author).store.begin()
        for file in registry.manifest.files { _ = try operation.stage(BytesSource(registry.fake.contents[file.digest]!), expecting: nil) }
        _ = try operation.commit(registry.manifest, as: Reference(repository: "team/tools", tag: "1"))
        let whole = try Locator(parsing: "team/tools:1")
        _ = try client(author).push(whole, to: nil)
        var before = other.asked.count
        let resource = try client(home).bind(whole)
        #expect(!resource.isWhole && resource.digest == registry.manifest.digest)
        #expect(try text(resource, "a.py") == "alpha")
        let asked = other.asked.dropFirst(before)
        #expect(asked.count { $0.contains("/blobs/") } == 1 && asked.count { $0.contains("/manifests/") } == 1, "\(asked)")
        before = other.asked.count
        let again = try client(home).bind(whole)
        #expect(try text(again, "a.py") == "alpha" && other.asked.count == before + 1, "only whether the tag has moved is asked")
    }

    @Test func `files that come are bounded by the cache's size`() throws {
        try home.write("config.json", #"{"cache-size": 60000}"#)
        let other = Artifact(try ResourceManifest(definition: definition("other"), files: [RxTesting.file("content", "other")]))
        let client = try client()
        try client.store.putPartial(other, as: Reference(registry: "a.test", repository: "team/other", tag: "1"), pinned: false)
        let resource = try client.bind(Locator(parsing: "team/tools:1"))
        func others() throws -> PartialCopy? {
            try client.store.partialCopy(registry: "a.test", repository: "team/other", selector: .tag("1"))
        }
        for index in 0..<100 { _ = try text(resource, "data/\(index)") }
        #expect(try others() != nil, "it is not looked at for so little")
        try home.write("config.json", #"{"cache-size": 600}"#)
        let small = try self.client().bind(Locator(parsing: "team/tools:1"))
        for index in 100..<110 { _ = try text(small, "data/\(index)") }
        #expect(try others() == nil, "what was not used for longest goes first")
        #expect(try text(small, "data/105") == "content 105" && small.missing([file("data/109")]).isEmpty, "and what is used stays")
    }
}
