import RxLoader
import RxModel
import RxTesting
import Testing

@Suite struct RefreshTests {
    @Test func `a route is rebound when its tag moves`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "one"])
        let loader = Loader(shelf)
        #expect(await loader.get(Headers("/hello")).body.text == "one")
        #expect(await loader.refresh() == [])
        let moved = try shelf.offer("hello", ["content": "two"])
        #expect(await loader.get(Headers("/hello")).body.text == "one", "a bound route asks nobody")
        #expect(await loader.refresh() == ["hello"])
        #expect(await loader.get(Headers("/hello")).body.text == "two")
        #expect(loader.bindings.map(\.digest) == [moved.digest])
        #expect(loader.bindings.map(\.uses) == [3], "its use is counted on")
        #expect(shelf.calls == ["fetch hello", "digest hello", "digest hello", "fetch hello"])
        // And back again: it is the last answer that counts, not the largest.
        try shelf.offer("hello", ["content": "one"])
        #expect(await loader.refresh() == ["hello"])
        #expect(await loader.get(Headers("/hello")).body.text == "one")
    }

    @Test func `a pinned digest is never asked for again`() async throws {
        let shelf = Shelf()
        let stored = try shelf.offer("hello", ["content": "one"])
        let loader = Loader(shelf)
        #expect(await loader.get(Headers("/hello@\(stored.digest)")).body.text == "one")
        try shelf.offer("hello", ["content": "two"])
        #expect(await loader.refresh() == [])
        #expect(shelf.calls == ["fetch hello@\(stored.digest)"])
        #expect(await loader.get(Headers("/hello@\(stored.digest)")).body.text == "one")
    }

    @Test func `what cannot be asked or fetched stays bound, and is followed later`() async throws {
        let shelf = Shelf()
        let reports = Echo()
        try shelf.offer("hello", ["content": "one"])
        let loader = Loader(shelf) { $0.kit = Kit(["condition": reports]) }
        _ = await loader.get(Headers("/hello"))
        shelf.fail(unreachable)
        #expect(await loader.refresh() == [])
        #expect(await loader.get(Headers("/hello")).body.text == "one")
        await eventually("the report") { reports.requests.count == 1 }
        #expect(reports.requests.first?.body.json?["path"] == "/hello")
        shelf.fail(nil)
        // Its new version cannot be bound.
        try shelf.offer("hello", type: "martian", ["content": "two"])
        #expect(await loader.refresh() == [])
        #expect(await loader.get(Headers("/hello")).body.text == "one")
        await eventually("the second report") { reports.requests.count == 2 }
        #expect(await loader.refresh() == [], "the same answer again is tried again")
        #expect(shelf.calls.filter { $0 == "fetch hello" }.count == 3)
        try shelf.offer("hello", ["content": "three"])
        #expect(await loader.refresh() == ["hello"])
        #expect(await loader.get(Headers("/hello")).body.text == "three")
    }

    @Test func `a liar does not move a bound route`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "one"])
        let other = try Shelf().offer("other", ["content": "lie"])
        let loader = Loader(shelf)
        _ = await loader.get(Headers("/hello"))
        shelf.lie { _ in other }
        #expect(await loader.refresh() == [])
        #expect(await loader.get(Headers("/hello")).body.text == "one")
    }

    @Test func `requests go on while a route is rebound`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "0"])
        let loader = Loader(shelf)
        _ = await loader.get(Headers("/hello"))
        let reading = Task {
            var last = 0
            while !Task.isCancelled {
                let reply = await loader.get(Headers("/hello"))
                let now = Int(reply.body.text ?? "") ?? -1
                guard now >= last else { return "after \(last) came \(reply.body.text ?? "\(reply.headers.text)")" }
                last = now
                await Task.yield()
            }
            return "good"
        }
        for version in 1...20 {
            try shelf.offer("hello", ["content": "\(version)"])
            #expect(await loader.refresh() == ["hello"])
        }
        reading.cancel()
        #expect(await reading.value == "good")
    }

    @Test func `routes are kept fresh until the task ends`() async throws {
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "one"])
        let loader = Loader(shelf)
        _ = await loader.get(Headers("/hello"))
        let keeping = Task { await loader.keepFresh(every: .milliseconds(5)) }
        try shelf.offer("hello", ["content": "two"])
        await eventually("the rebinding") { await loader.get(Headers("/hello")).body.text == "two" }
        keeping.cancel()
        await keeping.value
        let calls = shelf.calls.count
        try await Task.sleep(for: .milliseconds(30))
        #expect(shelf.calls.count == calls)
    }

    @Test func `what was bound is bound again in the next run, offline and by the same version`() async throws {
        let folder = try TemporaryFolder()
        let shelf = Shelf()
        let first = try shelf.offer("hello", ["content": "one"])
        func loader(_ rule: RouteRule = .standard) -> Loader {
            Loader(shelf) { settings in
                settings.record = FileValues(folder: folder.path)
                settings.rule = rule
            }
        }
        #expect(await loader().get(Headers("/hello")).body.text == "one")
        shelf.fail(unreachable)
        // Somebody put another version into the store meanwhile; the old one is there, too.
        try shelf.offer("older", ["content": "x"], here: true)
        let calls = shelf.calls
        let again = loader()
        #expect(await again.get(Headers("/hello")).body.text == "one")
        #expect(again.bindings.map(\.digest) == [first.digest])
        #expect(again.bindings.map { $0.locator.description } == ["hello"], "it follows its tag as before")
        #expect(shelf.calls == calls)
        let other = RouteRule { _ in try Locator(parsing: "other") }
        #expect(await loader(other).get(Headers("/hello")).condition == .unavailable, "a route that means something else now")
        #expect(await again.unbind("hello"))
        #expect(await FileValues(folder: folder.path).get(Headers("/hello")).condition == .notFound)
    }

    @Test func `a record that is wrong is no more than a hint`() async throws {
        let record = MemoryValues()
        let shelf = Shelf()
        try shelf.offer("hello", ["content": "Hello"])
        let evil = try shelf.offer("evil", ["content": "Evil"], here: true)
        let bad: [JSON] = [
            "text", .members(["asked": "hello"]),
            .members(["asked": "hello", "locator": "evil", "digest": .string(evil.digest.description)]),
            .members(["asked": "hello", "locator": "hello", "digest": .string(digest(of: [9]).description)]),
        ]
        for json in bad {
            _ = await record.put(Headers("/hello"), .json(json))
            #expect(await Loader(shelf) { $0.record = record }.get(Headers("/hello")).body.text == "Hello")
        }
        let broken = Loader(shelf) { $0.record = Script(.condition(.error, "disk full")) }
        #expect(await broken.get(Headers("/hello")).body.text == "Hello")
    }
}
