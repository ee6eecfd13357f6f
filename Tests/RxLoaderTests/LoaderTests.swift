import RxCrypto
@testable import RxLoader
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

/// Waits on the thread that calls; for what stands in for a slow network.
enum Pause {
    static func wait(_ duration: Duration) {
        let never = Monitor(false)
        _ = never.wait(seconds: Double(duration.components.attoseconds) / 1e18) { $0 ? true : nil }
    }
}

@Suite struct LoaderTests {
    @Test func `the first request finds, binds and answers; later ones are answered from the table`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello:1.0", ["content": "Hello"])
        let router = Router(["own": Echo("own")], unknown: Loader(shelf))
        for _ in 0..<3 {
            let reply = await router.get(Headers("/hello:1.0"))
            #expect(reply.body.text == "Hello")
            #expect(reply.type == "text")
        }
        #expect(shelf.calls == ["fetch hello:1.0"])
        #expect(await router.get(Headers("/own/x")).type == "own", "a named route never reaches the loader")
        #expect(await router.get(Headers("/")).condition == .notFound)
        #expect(shelf.calls.count == 1)
    }

    @Test func `the local store comes before the registries`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "here"], here: true)
        try shelf.offer("hello", ["content": "there"])
        #expect(await Loader(shelf).get(Headers("/hello")).body.text == "here")
        #expect(shelf.calls == [])
        let alone = Loader(local: shelf, remote: nil)
        #expect(await alone.get(Headers("/hello")).body.text == "here")
        #expect(await alone.get(Headers("/nowhere")).message == "Resource not found: nowhere")
    }

    @Test func `a hundred first requests make one search`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "Hello"])
        shelf.pause(.milliseconds(50))
        let loader = Loader(shelf)
        let answers = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<100 { group.addTask { await loader.get(Headers("/hello")).body.text } }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(answers == Array(repeating: "Hello", count: 100))
        #expect(shelf.calls == ["fetch hello"])
        #expect(loader.bindings.map(\.uses) == [100])
    }

    @Test func `a hundred requests for what is not there make one search`() async {
        let shelf = Shelf()
        shelf.pause(.milliseconds(20))
        let loader = Loader(shelf)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { #expect(await loader.get(Headers("/nowhere")).condition == .notFound) } }
        }
        #expect(shelf.calls == ["fetch nowhere"])
    }

    @Test func `one slow name keeps no other waiting`() async throws {
        let shelf = Shelf()
        try shelf.offer("quick", ["content": "now"], here: true)
        shelf.pause(.milliseconds(300))
        let loader = Loader(shelf)
        let slow = (0..<8).map { number in Task { await loader.get(Headers("/slow\(number)")) } }
        await eventually("the slow searches") { shelf.calls.count == 8 }
        #expect(await loader.get(Headers("/quick")).body.text == "now")
        #expect(await loader.get(Headers("/quick")).isGood)
        for task in slow { #expect(await task.value.condition == .notFound) }
    }

    @Test func `what is not there is not looked for again, for a while`() async throws {
        let (shelf, time) = (Shelf(), TestTime())
        let loader = Loader(shelf) { $0.time = time.source }
        for _ in 0..<3 { #expect(await loader.get(Headers("/late")).condition == .notFound) }
        #expect(shelf.calls.count == 1)
        try shelf.offer("late", ["content": "here I am"])
        time.advance(.seconds(59))
        #expect(await loader.get(Headers("/late")).condition == .notFound)
        time.advance(.seconds(1))
        #expect(await loader.get(Headers("/late")).body.text == "here I am")
        #expect(shelf.calls.count == 2)
    }

    @Test func `a registry that was down is asked again soon`() async throws {
        let (shelf, time, reports) = (Shelf(), TestTime(), Echo())
        try shelf.offer("hello", ["content": "Hello"])
        shelf.fail(unreachable)
        let loader = Loader(shelf) { $0.time = time.source }
        let kit = Kit(["condition": reports])
        for _ in 0..<2 {
            let reply = await loader.get(Headers("/hello", kit: kit))
            #expect(reply.condition == .unavailable)
            #expect(reply.message == "Unable to connect to http://127.0.0.1:9")
            #expect(reply.others["code"] == "REGISTRY_UNREACHABLE")
        }
        #expect(shelf.calls.count == 1)
        await eventually("the report") { reports.requests.count == 1 }
        shelf.fail(nil)
        time.advance(.seconds(5))
        #expect(await loader.get(Headers("/hello")).body.text == "Hello")
    }

    @Test func `many names that lead nowhere take bounded room`() {
        var cache = NegativeCache()
        for number in 0..<NegativeCache.limit { cache.keep(.notFound, for: "n\(number)", at: .zero, until: .seconds(1000 + number)) }
        cache.keep(.notFound, for: "more", at: .zero, until: .seconds(5000))
        #expect(cache.count == NegativeCache.limit)
        #expect(cache.reply(for: "n0", at: .zero) == nil, "the one that expires first goes")
        #expect(cache.reply(for: "n1", at: .zero) != nil)
        cache.keep(.notFound, for: "last", at: .seconds(6000), until: .seconds(20_000))
        #expect(cache.count < NegativeCache.limit, "what has expired goes first")
    }

    @Test func `a route that is no locator asks nobody`() async {
        let shelf = Shelf()
        let loader = Loader(shelf)
        for path in ["/%2e%2e", "/a;b", "/hello@sha256:zz", "/hello@sha256:abc", "/" + String(repeating: "x", count: 300)] {
            let reply = await loader.get(Headers(path))
            #expect(reply.condition == .invalid, "\(path)")
            #expect(reply.message?.isEmpty == false)
        }
        #expect(shelf.calls == [])
    }

    @Test func `the host program's rule says which resource a path means`() async throws {
        let shelf = Shelf()
        try shelf.offer("acme/tools:2", type: "skill", ["SKILL.md": "# Tools", "references/a.md": "A"])
        let loader = Loader(shelf) { settings in
            settings.rule = RouteRule { headers in
                guard headers.params["kind"] == "skill" else { return nil }
                return RouteRule.firstSegment(headers)
            } locator: { name in
                name.hasPrefix("private-") ? nil : try Locator(parsing: "acme/\(name):2")
            }
        }
        #expect(await loader.get(Headers("/tools", params: ["kind": "skill"])).body.text == "# Tools")
        #expect(await loader.get(Headers("/tools/a.md", params: ["kind": "skill"])).body.text == "A")
        #expect(await loader.get(Headers("/tools")).condition == .notFound)
        #expect(await loader.get(Headers("/private-x", params: ["kind": "skill"])).condition == .notFound)
        #expect(shelf.calls == ["fetch acme/tools:2"])
    }

    @Test func `what a registry answers is verified`() async throws {
        let shelf = Shelf()
        let honest = try shelf.offer("hello", ["content": "Hello"])
        let other = try shelf.offer("other", ["content": "Other"])
        let changed = try Shelf().offer("hello", ["content": "Changed"])
        let time = TestTime()
        let loader = Loader(shelf) { $0.time = time.source }
        func refused(_ path: String, _ reason: String) async {
            let reply = await loader.get(Headers(path))
            #expect(reply.condition == .invalid, "\(reason)")
            #expect(reply.others["code"] == "DIGEST_INVALID")
            #expect(reply.message?.contains(reason) == true, "\(reply.message ?? "")")
            #expect(loader.bindings.isEmpty)
            time.advance(.seconds(60))
        }
        shelf.lie { _ in other }
        await refused("/hello", "another resource, other")
        shelf.lie { stored in
            let manifest = try! ResourceManifest(
                definition: stored.manifest.definition, files: other.manifest.files, tree: stored.manifest.tree)
            return StoredResource(locator: stored.locator, digest: stored.digest, manifest: manifest) { _ in BytesSource([]) }
        }
        await refused("/hello", "files of another tree digest than its own")
        shelf.lie { _ in changed }
        await refused("/hello@\(honest.digest)", "digest \(changed.digest)")
        await refused("/hello@\(honest.manifest.tree)", "digest \(changed.digest)")
        shelf.lie(nil)
        #expect(await loader.get(Headers("/hello@\(honest.manifest.tree)")).body.text == "Hello")
    }

    @Test func `a resource that has lost a blob is an error, and is not taken for one that is not there`() async throws {
        let shelf = Shelf()
        let stored = try shelf.offer("hello", ["content": "Hello"])
        let lost = StoredResource(locator: stored.locator, digest: stored.digest, manifest: stored.manifest) { digest in
            throw RegistryError.blobNotFound(digest)
        }
        shelf.lie { _ in lost }
        let reply = await Loader(shelf).get(Headers("/hello"))
        #expect(reply.condition == .error)
        #expect(reply.message?.hasPrefix("Blob not found: sha256:") == true)
        #expect(reply.others["code"] == "BLOB_UNKNOWN")
    }

    @Test func `bytes that are not the manifest's never come out`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "Hello"])
        try shelf.offer("raw", type: "binary", ["content": "Bytes"])
        shelf.damage("Hello")
        shelf.damage("Bytes")
        let loader = Loader(shelf)
        let reply = await loader.get(Headers("/hello"))
        #expect(!reply.isGood)
        #expect(reply.body.isEmpty)
        guard case .stream(let stream) = await loader.get(Headers("/raw")).body else {
            Issue.record("binary is given as a stream")
            return
        }
        #expect(throws: ContentError.self) { try stream.open().readAll() }
    }
}
