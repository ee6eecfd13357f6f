import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Who provides a module` {
    @Test func `is answered with what is stored, the newest first`() throws {
        let calls = try DirectCalls()
        let provides: [String: JSON] = ["provides": .object(["python": ["acme_tools"], "node": ["@acme/tools"]])]
        let first = try put(calls.store, "acme/tools:1.0.0", ["a.py": [1]], provides)
        let second = try put(calls.store, "other:2", ["a.py": [2]], provides)
        try put(calls.store, "copy.example/tools:1", ["a.py": [3]], provides)
        for path in ["python/acme_tools", "node/%40acme%2Ftools", "node/@acme/tools"] {
            let answer = calls.call("GET", "/api/v1/provides/\(path)")
            #expect(answer.status == 200)
            let expected = [second, first].map {
                Providers.Provider(locator: $0.reference.locator, manifest: $0.manifestDigest, tree: $0.tree)
            }
            #expect(try Providers(parsing: answer.content).providers == expected, "\(path)")
        }
        let node = try ModuleName(parsing: "node:@acme/tools")
        #expect(Route.provides(node) == "/api/v1/provides/node/%40acme%2Ftools")
        #expect(calls.call("GET", Route.provides(node)).json?["providers"]?.array?.count == 2)
        #expect(calls.call("GET", "/api/v1/provides/ruby/acme").json == .object(["providers": [], "namesake": .null]))
        let namesake = try put(calls.store, "acme:1", ["a.py": [1]])
        let named = try Providers(parsing: calls.call("GET", "/api/v1/provides/ruby/acme").content)
        #expect(
            named
                == Providers(
                    [],
                    namesake: .some(.init(locator: namesake.reference.locator, manifest: namesake.manifestDigest, tree: namesake.tree))))
        #expect(calls.call("GET", "/api/v1/provides/ruby/other").json?["namesake"] == .null, "it says what it provides")
        #expect(calls.call("GET", "/api/v1/search?q=acme_tools").json?["total"] == 2)
        #expect(calls.call("DELETE", "/api/v1/resource/other:2").status == 204)
        #expect(calls.call("GET", "/api/v1/provides/python/acme_tools").json?["providers"]?.array?.count == 1, "a change is seen at once")
    }

    @Test(arguments: [
        "python", "", "python/", "Python/x", "python/a.b", "node/A", "python/a%00", "ruby/a%20b", "%zz/x",
        "python/\(String(repeating: "a", count: 215))",
    ])
    func `is not asked of what is no module`(_ path: String) throws {
        let answer = try DirectCalls().call("GET", "/api/v1/provides/\(path)")
        #expect(answer.status == 400 && answer.code == "INVALID_REQUEST", "\(answer.status)")
    }

    @Test func `is looked up once for all who ask before something changes`() throws {
        let calls = try DirectCalls()
        try put(calls.store, "m:1", ["a": [1]], ["provides": .object(["python": ["m"]])])
        let first = calls.call("GET", "/api/v1/provides/python/m")
        let tag = try #require(first.headers["ETag"])
        #expect(calls.isCached("/api/v1/provides/python/m"))
        let same = calls.call("GET", "/api/v1/provides/python/m", ["If-None-Match": tag])
        #expect(same.status == 304 && same.headers["ETag"] == tag)
        try put(calls.store, "n:1", ["a": [2]], ["provides": .object(["python": ["m"]])])
        #expect(!calls.isCached("/api/v1/provides/python/m"))
        let second = calls.call("GET", "/api/v1/provides/python/m", ["If-None-Match": tag])
        #expect(second.status == 200 && second.json?["providers"]?.array?.count == 2)
    }

    @Test func `is told of a bounded number`() throws {
        let calls = try DirectCalls()
        for index in 0..<Providers.limit + 3 {
            try put(calls.store, "r\(index):1", ["a": [1]], ["provides": .object(["python": ["m"]])])
        }
        let list = try Providers(parsing: calls.call("GET", "/api/v1/provides/python/m").content).providers
        #expect(list.count == Providers.limit && list.first?.locator.name == "r\(Providers.limit + 2)")
    }

    @Test func `comes through a publish, and what is not valid does not`() throws {
        let calls = try DirectCalls()
        let good = calls.publish(try publishParts("m:1", #"{"name":"m","type":"module","provides":{"python":["m"]}}"#))
        #expect(good.status == 201)
        let bad = calls.publish(try publishParts("n:1", #"{"name":"n","type":"module","provides":{"python":["m.n"]}}"#))
        #expect(bad.status == 400 && bad.code == "INVALID_MANIFEST" && bad.message == "provides.python[0] is no Python identifier")
        #expect(calls.call("GET", "/api/v1/provides/python/m").json?["providers"]?.array?.count == 1)
    }
}
