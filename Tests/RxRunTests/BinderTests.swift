import Foundation
import RxCrypto
import RxLoader
import RxModel
import RxPosix
import RxRun
import RxTesting
import Testing

@Suite struct `A binder` {
    let bench: Bench
    var shelves: Shelves { bench.shelves }

    init() throws { bench = try Bench() }

    @Test func `asks nobody about what is refused`() throws {
        try shelves.put("secret:1", ["secret.py": "x"])
        for binder in [try bench.binder(), try bench.binder(lock: Lock()), try bench.binder(allow: ["other", "acme_*", "node:*"])] {
            #expect { try binder.bind(python("secret")) } throws: { ($0 as? RegistryError)?.code == .moduleRefused }
            #expect { try binder.open(named: Locator(parsing: "secret")) } throws: { ($0 as? RegistryError)?.code == .moduleRefused }
            #expect { try binder.open(named: Locator(parsing: "r.example/secret")) } throws: {
                ($0 as? RegistryError)?.code == .moduleRefused
            }
        }
        #expect(shelves.calls.allSatisfy { $0 == "fetch other" }, "the one that is named itself may be asked for: \(shelves.calls)")
    }

    @Test func `takes a locked module at its content, and nothing newer`() throws {
        let old = try shelves.put("acme/tools:1", ["acme_tools.py": "1"], provides: ["python": ["acme_tools"]])
        try shelves.put("acme/tools:2", ["acme_tools.py": "2"], provides: ["python": ["acme_tools"]])
        let binder = try bench.binder(lock: Lock(of: old), allow: ["*"])
        #expect(try binder.bind(python("acme_tools")).resource.digest == old.digest)
        #expect(shelves.calls == ["fetch acme/tools:1@\(old.digest)"], "not who provides it: that is known")
        #expect(try binder.open(named: Locator(parsing: "acme/tools")).digest == old.digest)
        #expect { try binder.open(named: Locator(parsing: "acme/tools:2")) } throws: { ($0 as? RegistryError)?.code == .moduleRefused }
    }

    @Test func `does not take what has another digest or tree than the lock`() throws {
        let good = try shelves.put("acme:1", ["acme.py": "1"])
        let other = try shelves.put("acme:1", ["acme.py": "2"])
        shelves.lie(other)
        #expect { try bench.binder(lock: Lock(of: good)).bind(python("acme")) } throws: {
            ($0 as? any ResourceError)?.code == .digestInvalid
        }
        shelves.lie(nil)
        let lock = try Lock([Lock.Entry(locator: good.locator, manifest: good.digest, tree: other.manifest.tree)])
        #expect { try bench.binder(lock: lock).bind(python("acme")) } throws: { ($0 as? any ResourceError)?.code == .digestInvalid }
    }

    @Test func `does not take what provides other modules than the lock says, nor a view of it`() throws {
        let stored = try shelves.put("acme:1", ["acme.py": "1"], provides: ["python": ["acme"]])
        let wrong = try Lock([
            Lock.Entry(
                locator: stored.locator, manifest: stored.digest, tree: stored.manifest.tree,
                provides: Provides(.object(["python": ["acme", "requests"]])))
        ])
        #expect { try bench.binder(lock: wrong).bind(python("requests")) } throws: { ($0 as? any ResourceError)?.code == .digestInvalid }
        #expect(try Files.status("\(bench.views.root(stored.digest)).files") == nil, "nothing is handed out before")
        try bench.supply.check(wrong)
        let right = try bench.binder(lock: Lock(of: stored))
        _ = try right.present(FilePath(parsing: "acme.py"), of: right.bind(python("acme")).resource.digest)
        #expect { try bench.supply.check(wrong) } throws: { ($0 as? any ResourceError)?.code == .digestInvalid }
        try bench.supply.check(Lock(of: stored))
        try bench.supply.check(nil)
    }

    @Test func `is compared with a lock once, and with another one again`() throws {
        let stored = try shelves.put("acme:1", ["acme.py": "1"], provides: ["python": ["acme"]])
        let lock = try Lock(of: stored)
        let binder = try bench.binder(lock: lock)
        _ = try binder.present(FilePath(parsing: "acme.py"), of: binder.bind(python("acme")).resource.digest)
        try bench.supply.check(lock)
        let reads = shelves.reads
        try bench.supply.check(lock)
        #expect(shelves.reads == reads)
        let other = try shelves.put("other:1", ["o": "o"])
        let provides = try Provides(.object(["python": ["acme", "requests"]]))
        for wrong in [
            Lock.Entry(locator: stored.locator, manifest: stored.digest, tree: other.manifest.tree, provides: lock.entries[0].provides),
            Lock.Entry(locator: stored.locator, manifest: stored.digest, tree: stored.manifest.tree, provides: provides),
        ] {
            #expect { try bench.supply.check(Lock([wrong])) } throws: { ($0 as? any ResourceError)?.code == .digestInvalid }
        }
        // What a power failure leaves of the note says nothing.
        let note = "\(bench.views.root(stored.digest)).entry"
        try Files.replace(note, with: Array(Files.read(note).dropLast(3)))
        try bench.supply.check(lock)
        #expect(shelves.reads > reads + 2)
    }

    @Test func `prefers its own store, then the registry, then a copy while that is down`() throws {
        let theirs = try shelves.put("acme/x:1", ["x.py": "1"], provides: ["python": ["x"]])
        #expect(try bench.binder(allow: ["x"]).bind(python("x")).resource.digest == theirs.digest)
        shelves.fail(RegistryError("down", code: .unreachable))
        #expect(try bench.binder(allow: ["x"]).bind(python("x")).resource.digest == theirs.digest)
        let own = try shelves.put("mine:1", ["x.py": "2"], provides: ["python": ["x"]], own: true)
        #expect(try bench.binder(allow: ["x"]).bind(python("x")).resource.digest == own.digest)
    }

    @Test func `asks which of several is meant`() throws {
        try shelves.put("a/x:1", ["x.py": "1"], provides: ["python": ["x"]])
        let second = try shelves.put("b/x:1", ["x.py": "2"], provides: ["python": ["x"]])
        #expect { try bench.binder(allow: ["x"]).bind(python("x")) } throws: {
            ($0 as? RegistryError)?.code == .moduleAmbiguous && "\($0)" == "2 resources provide python:x: a/x, b/x"
        }
        #expect(try bench.binder(allow: ["x", "b/x"]).bind(python("x")).resource.digest == second.digest)
        let namesake = try shelves.put("x:1", ["x.py": "3"], provides: ["python": ["x"]])
        for allow in ["python:x", "x", "*"] {
            #expect { try bench.binder(allow: [allow]).bind(python("x")) } throws: { ($0 as? RegistryError)?.code == .moduleAmbiguous }
        }
        #expect(try bench.binder(allow: ["x", "x:1"]).bind(python("x")).resource.digest == namesake.digest)
    }

    @Test func `asks for a resource that is named, and not for the module`() throws {
        try shelves.put("acme/tools:1", ["acme_tools.py": "1"], provides: ["python": ["acme_tools"]])
        let binder = try bench.binder(allow: ["acme/tools"])
        #expect(try binder.bind(python("acme_tools")).resource.stored.locator.repository == "acme/tools")
        #expect { try binder.bind(python("other")) } throws: { ($0 as? RegistryError)?.code == .moduleRefused }
        #expect(shelves.calls == ["fetch acme/tools"])
    }

    @Test func `looks for a name once, however many ask, and not again when it is not there`() throws {
        try shelves.put("acme:1", ["acme.py": "1"])
        shelves.pause(0.2)
        let binder = try bench.binder(allow: ["*"])
        try WorkerPool.forEach(0..<100, threads: 100) { _ in _ = try binder.bind(python("acme")) }
        #expect(shelves.calls.count == 2, "who provides it, and the resource: \(shelves.calls)")
        for _ in 0..<3 { #expect { try binder.bind(python("nope")) } throws: { ($0 as? RegistryError)?.code == .resourceNotFound } }
        #expect(shelves.calls.count == 3)
    }

    @Test func `asks again some seconds after a failure that may pass`() throws {
        try shelves.put("acme:1", ["acme.py": "1"])
        let binder = try bench.binder(allow: ["*"])
        shelves.fail(RegistryError("down", code: .unreachable))
        for _ in 0..<3 { #expect { try binder.bind(python("acme")) } throws: { ($0 as? RegistryError)?.code == .unreachable } }
        #expect(shelves.calls.count == 1)
        shelves.fail(nil)
        Pause.wait(6.1)
        #expect(try binder.bind(python("acme")).module.name == "acme")
    }

    @Test func `asks nobody when it is offline, and says what is not here`() throws {
        let stored = try shelves.put("acme:1", ["acme.py": "1"])
        let lock = try Lock(of: stored)
        #expect { try bench.binder(lock: lock, offline: true).bind(python("acme")) } throws: {
            ($0 as? RegistryError)?.code == .unreachable && "\($0)".hasPrefix("acme:1@sha256:")
        }
        shelves.pullAll()
        #expect(try bench.binder(lock: lock, offline: true).bind(python("acme")).resource.digest == stored.digest)
        #expect(try bench.binder(allow: ["acme"], offline: true).bind(python("acme")).resource.digest == stored.digest)
        #expect(shelves.calls == [])
    }

    @Test func `says what is here of a name whose tag it cannot ask about`() throws {
        let stored = try shelves.put("acme:1", ["acme.py": "1"])
        shelves.pullAll()
        let error = #expect(throws: RegistryError.self) {
            try bench.binder(allow: ["acme"], offline: true).open(named: Locator(parsing: "acme:2"))
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message == "what the tag of acme:2 means is not known here, and offline nobody is asked")
        #expect(error?.hint?.hasPrefix("here is acme@\(stored.digest): ask for that by its digest") == true, "\(error?.hint ?? "")")
    }

    @Test func `does not bind what was said to provide a module and does not`() throws {
        try shelves.put("acme/x:1", ["x.py": "1"], provides: ["python": ["x"]])
        shelves.lie(try shelves.put("evil:1", ["x.py": "2"], provides: ["python": ["y"]]))
        #expect { try bench.binder(allow: ["x"]).bind(python("x")) } throws: { "\($0)".hasSuffix("and does not") }
    }

    @Test func `tells what need not be asked for: the lock's and the last run's modules of which something is in a view`() throws {
        let locked = try shelves.put("acme/tools:1", ["acme_tools.py": "1"], provides: ["python": ["acme_tools"]])
        let known = try shelves.put("known:1", ["known.py": "1"])
        let other = try shelves.put("refused:1", ["refused.py": "1"])
        shelves.pullAll()
        let free = try bench.binder(allow: ["refused"])
        _ = try free.bind(python("refused"))
        _ = try free.present(FilePath(parsing: "refused.py"), of: other.digest)
        let calls = shelves.calls
        let hints = [
            try python("known"): KnownModule(locator: known.locator.pinned(to: known.digest), checkedAt: 1),
            try python("refused"): KnownModule(locator: other.locator.pinned(to: other.digest), checkedAt: 1),
        ]
        let binder = try bench.binder(lock: Lock(of: locked), allow: ["known"], known: hints)
        #expect(binder.table.isEmpty)
        _ = try binder.present(FilePath(parsing: "acme_tools.py"), of: locked.digest)
        _ = try binder.present(FilePath(parsing: "known.py"), of: known.digest)
        let again = try bench.binder(lock: Lock(of: locked), allow: ["known"], known: hints)
        #expect(again.table.map { $0.module.description } == ["python:acme_tools", "python:known"])
        #expect(again.table.map { $0.root } == [bench.views.root(locked.digest), bench.views.root(known.digest)])
        #expect(again.modules.isEmpty && shelves.calls == calls)
    }
}
