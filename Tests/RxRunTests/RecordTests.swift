import Foundation
import RxLoader
import RxModel
import RxRun
import RxTesting
import Testing

@Suite struct `A record` {
    let bench: Bench

    init() throws { bench = try Bench() }

    private func trace(_ files: [Digest: [String]]) throws -> RunTrace {
        RunTrace(try files.mapValues { Set(try $0.map { try FilePath(parsing: $0) }) })
    }

    @Test func `is read as it was written, and holds what the lock has`() throws {
        let (one, two) = (digest(of: [1]), digest(of: [2]))
        let trace = try trace([one: ["b", "a/\u{E9}", "a"], two: ["x"]])
        #expect(try RunTrace(parsing: Array(trace.text.utf8)) == trace)
        #expect(
            trace.text.hasPrefix("{\n  \"resources\": [\n    {\n      \"files\": [\n        \"a\",\n        \"a/\u{E9}\",\n        \"b\"\n")
        )
        #expect(try trace.merging(self.trace([one: ["c"]])).files[one]?.count == 4)
        let lock = try Lock([Lock.Entry(locator: Locator(parsing: "a:1"), manifest: two, tree: one)])
        #expect(trace.limited(to: lock).files.keys.sorted() == [two])
        let looked = RunTrace([one: []])
        #expect(try RunTrace(parsing: Array(looked.text.utf8)) == looked, "one that was only looked at has no files")
        for text in [
            "", "[]", #"{"version":2,"resources":[]}"#, #"{"version":1}"#, #"{"version":1,"resources":[{"manifest":"x","files":[]}]}"#,
        ] {
            #expect(throws: RegistryError.self, "\(text)") { try RunTrace(parsing: Array(text.utf8)) }
        }
        let outside = #"{"version":1,"resources":[{"manifest":"\#(one)","files":["../x"]}]}"#
        #expect(throws: RegistryError.self) { try RunTrace(parsing: Array(outside.utf8)) }
    }

    @Test func `of a run is what it got something of, under the tag that it has`() throws {
        try bench.shelves.put("acme/x:3", ["x.py": "x", "y.py": "y"], provides: ["python": ["x"]])
        let binder = try bench.binder(allow: ["x"])
        let bound = try binder.bind(python("x"))
        _ = try binder.present(FilePath(parsing: "x.py"), of: bound.resource.digest)
        binder.note([(bound.resource.digest, try FilePath(parsing: "none.py")), (digest(of: [1]), try FilePath(parsing: "x.py"))])
        let record = try RunRecord(binder)
        let file = "\(bench.folder.path)/rx.lock"
        #expect(try record.write(to: file).added == 1)
        #expect(try record.write(to: file).added == 0)
        let lock = try #require(try RunPolicy.lock(file))
        #expect(lock.entries.map { "\($0.locator)" } == ["acme/x:3"])
        #expect(lock.entry(providing: try python("x"))?.manifest == bound.resource.digest)
        let trace = try #require(try RunPolicy.trace(RunRecord.traceFile(of: file)))
        #expect(trace.files == [bound.resource.digest: [try FilePath(parsing: "x.py")]])
        #expect(RunRecord.traceFile(of: "a/b") == "a/b.trace")
        try bench.shelves.put("other:1", ["z.py": "z"])
        let named = try bench.binder(allow: ["other", "acme/x"])
        _ = try named.bind(python("x"))
        #expect(try RunRecord(named).entries.map { "\($0.locator)" } == ["acme/x:3"], "one that was only looked at is not used")
    }

    @Test func `of routes keeps what was checked last, with all uses of it`() throws {
        func route(_ name: String, _ byte: UInt8, _ uses: Int, _ at: Int) throws -> Route {
            Route(
                module: try python(name), locator: try Locator(parsing: "r.example/\(name):1"), digest: digest(of: [byte]), uses: uses,
                checkedAt: at)
        }
        let merged = RouteRecord(merging: [
            try route("b", 1, 1, 5), try route("a", 1, 1, 5), try route("a", 1, 2, 6), try route("b", 2, 4, 7),
        ])
        #expect(merged.routes == [try route("a", 1, 3, 6), try route("b", 2, 4, 7)])
        let home = bench.folder.path
        for route in merged.routes { RouteRecord.add([route], home: home) }
        #expect(RouteRecord(home: home).routes == merged.routes)
        for broken in ["", "[]", "{", #"{"routes":[{"name":"x"},7]}"#] {
            try bench.folder.write("cache/routes.json", broken)
            #expect(RouteRecord(home: home).routes.isEmpty, "a hint that cannot be read is none")
        }
    }

    @Test func `of routes counts for the same registries, and for the same choice where there was one`() throws {
        let old = try bench.shelves.put("alice/yaml:1", ["yaml.py": "a"], provides: ["python": ["yaml"]])
        let other = try bench.shelves.put("bob/yaml:1", ["yaml.py": "b"], provides: ["python": ["yaml"]])
        let home = bench.folder.path
        let first = try bench.binder(allow: ["yaml", "alice/yaml"])
        #expect(try first.bind(python("yaml")).resource.digest == old.digest)
        RouteRecord.add(first.routes, home: home)
        let found = try #require(RouteRecord(home: home).routes.first)
        // The registry's locators have no host here, and one without is the home's own.
        let route = Route(
            module: found.module, locator: found.locator.at(registry: "r.example"), digest: found.digest, uses: found.uses,
            checkedAt: found.checkedAt, registries: found.registries, choice: found.choice)
        func known(_ route: Route, _ allow: [String]) throws -> [ModuleName: KnownModule] {
            let policy = ModulePolicy(lock: nil, lockFile: nil, patterns: try allow.map { try AllowPattern(parsing: $0) })
            return RouteRecord(merging: [route]).known(bench.supply, policy, offline: false)
        }
        #expect(try known(route, ["yaml", "alice/yaml"]).count == 1)
        for allow in [["yaml", "bob/yaml"], ["yaml", "bob/yaml", "alice/yaml"], ["python:yaml"]] {
            #expect(try known(route, allow).isEmpty, "\(allow)")
        }
        let second = try bench.binder(allow: ["yaml", "bob/yaml"], known: known(route, ["yaml", "bob/yaml"]))
        #expect(try second.bind(python("yaml")).resource.digest == other.digest)
        let elsewhere = Route(
            module: route.module, locator: route.locator, digest: route.digest, uses: 1, checkedAt: route.checkedAt,
            registries: "https://staging.example", choice: route.choice)
        #expect(try known(elsewhere, ["yaml", "alice/yaml"]).isEmpty)
    }

    @Test func `takes no module from what is locked, and tells what it replaces`() throws {
        try bench.shelves.put("trusted/yaml:1", ["yaml.py": "1"], provides: ["python": ["yaml"]])
        let file = "\(bench.folder.path)/rx.lock"
        let first = try bench.binder(allow: ["yaml"])
        _ = try first.bind(python("yaml"))
        _ = try RunRecord(first).write(to: file)
        let before = try RunPolicy.lock(file)
        try bench.shelves.put("newpkg:1", ["newpkg.py": "1"], provides: ["python": ["newpkg", "yaml"]])
        let second = try bench.binder(lock: before, allow: ["newpkg"])
        _ = try second.bind(python("newpkg"))
        #expect { try RunRecord(second).write(to: file) } throws: {
            "\($0)".contains("trusted/yaml:1") && "\($0)".contains("newpkg:1") && "\($0)".contains("python:yaml")
        }
        #expect(try RunPolicy.lock(file) == before)
        try bench.shelves.put("trusted/yaml:2", ["yaml.py": "2"], provides: ["python": ["yaml"]])
        let third = try bench.binder(allow: ["yaml", "trusted/yaml:2"])
        _ = try third.bind(python("yaml"))
        let change = try RunRecord(third).write(to: file)
        #expect(change.added == 1 && change.replaced.map(\.description) == ["trusted/yaml:1"])
    }

    @Test func `of routes is believed for a while, and not when the home's own store says otherwise`() throws {
        let now = Int(Date().timeIntervalSince1970)
        let stored = try bench.shelves.put("x:1", ["x.py": "x"])
        let there = try Locator(parsing: "r.example/x:1")
        let policy = ModulePolicy(lock: nil, lockFile: nil, patterns: [try AllowPattern(parsing: "x")])
        func known(_ locator: Locator, age: Int, offline: Bool = false) throws -> Bool {
            let route = Route(
                module: try python("x"), locator: locator, digest: stored.digest, uses: 1, checkedAt: now - age,
                registries: "https://r.example")
            return !RouteRecord(merging: [route]).known(bench.supply, policy, offline: offline).isEmpty
        }
        #expect(try known(there, age: 10))
        #expect(try !known(there, age: 400))
        #expect(try !known(there, age: -1000), "a clock that was set back")
        #expect(try known(there, age: 400, offline: true))
        #expect(try !known(Locator(parsing: "x:1"), age: 1), "it was the home's own, and is gone")
        try bench.shelves.put("x:2", ["x.py": "y"], own: true)
        #expect(try !known(there, age: 10))
    }
}

@Suite struct `What a program used without asking` {
    let bench: Bench

    init() throws { bench = try Bench() }

    @Test func `is files and modules, and of the modules those that are locked or known count`() throws {
        let locked = try bench.shelves.put("acme/x:1", ["x.py": "x"], provides: ["python": ["x", "y"], "node": ["@acme/x"]])
        let other = try bench.shelves.put("z:1", ["z.py": "z"])
        bench.shelves.pullAll()
        let text = [
            "\(locked.digest.hex)/x.py", "\(locked.digest.hex)//python:x", "\(locked.digest.hex)//node:@acme/x",
            "\(other.digest.hex)//python:z",
            "\(other.digest.hex)//python:x", "\(locked.digest.hex)//python:q", "\(locked.digest.hex)//python", "x//python:x", "", "//",
        ].map { $0 + "\0" }.joined()
        let uses = RunUses(parsing: Array(text.utf8))
        #expect(uses.files.map(\.path.text) == ["x.py"])
        #expect(uses.modules.map(\.module.description) == ["python:x", "node:@acme/x", "python:z", "python:x", "python:q"])
        let binder = try bench.binder(lock: Lock(of: locked), allow: ["z"])
        let routes = binder.routes(counting: uses, after: RouteRecord(merging: []))
        #expect(routes.map { "\($0.module) \($0.uses)" } == ["node:@acme/x 1", "python:x 1"])
        #expect(bench.shelves.calls.isEmpty)
        // The next run looks at nothing again, and counts the same.
        let reads = bench.shelves.reads
        let next = try bench.binder(lock: Lock(of: locked), allow: ["z"])
        let again = next.routes(counting: uses, after: RouteRecord(merging: routes)).sorted {
            $0.module.description < $1.module.description
        }
        #expect(
            again.map { "\($0.module) \($0.uses) \($0.locator) \($0.digest)" }
                == routes.map { "\($0.module) \($0.uses) \($0.locator) \($0.digest)" })
        #expect(bench.shelves.reads == reads && next.resources.isEmpty)
    }

    @Test func `is no reason to ask a registry, but for a record`() throws {
        let locked = try bench.shelves.put("acme/x:1", ["x.py": "x"], provides: ["python": ["x"]])
        let uses = RunUses(parsing: Array("\(locked.digest.hex)//python:x\0\(locked.digest.hex)/x.py\0".utf8))
        let counting = try bench.binder(lock: Lock(of: locked))
        let counted = counting.routes(counting: uses, after: RouteRecord(merging: []))
        #expect(bench.shelves.calls.isEmpty && counted.isEmpty, "\(bench.shelves.calls)")
        let recording = try bench.binder(lock: Lock(of: locked))
        recording.note(uses)
        #expect(bench.shelves.calls.count == 1 && recording.routes.map(\.uses) == [1])
    }
}

@Suite struct `Freezing` {
    let bench: Bench

    init() throws { bench = try Bench() }

    @Test func `tells all that does not hold, and reads what counts`() throws {
        let good = try bench.shelves.put("good:1", ["a": "aaa", "b": "bb", "l": "->a"])
        let bad = try bench.shelves.put("bad:1", ["c": "ccc"])
        let lock = try Lock(of: good, bad)
        let away = Freezer(bench.supply.offline, trace: RunTrace()).freeze(lock, proving: true)
        #expect(away.problems.map { "\($0.locator)" } == ["bad:1", "good:1"])
        #expect(bench.shelves.calls.isEmpty)
        bench.shelves.damage("ccc")
        let report = Freezer(bench.supply, trace: RunTrace()).freeze(lock, proving: false)
        #expect(report.problems.map { "\($0.locator)" } == ["bad:1"])
        #expect(report.resources == 1 && report.files == 2 && report.bytes == 5, "symlinks are no files of their own")
        let traced = Freezer(bench.supply.offline, trace: RunTrace([good.digest: [try FilePath(parsing: "l")]]))
        #expect(traced.freeze(try Lock(of: good), proving: true).bytes == 3, "what a symlink leads to counts")
        let wrong = Freezer(bench.supply.offline, trace: RunTrace([good.digest: [try FilePath(parsing: "none")]]))
        #expect(wrong.freeze(try Lock(of: good), proving: true).problems.first?.message.contains("none") == true)
    }
}
