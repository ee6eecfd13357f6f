import RxLoader
import RxModel
import RxTesting
import Testing

@Suite struct RouterTests {
    @Test(arguments: try vectors("routing")) func `requests go where the vectors say`(_ vector: JSON) async throws {
        let names = try #require(vector["routes"]?.array).compactMap(\.string)
        let resources = Dictionary(uniqueKeysWithValues: names.map { ($0, Echo($0)) })
        let unknown = Echo("unknown")
        let hasUnknown = vector["unknown"]?.bool ?? false
        let router = Router(resources, unknown: hasUnknown ? unknown : nil)
        let path = try #require(vector["path"]?.string)
        for reply in [await router.get(Headers(path)), await router.put(Headers(path), .text("b"))] {
            guard let wanted = vector["answers"]?.string else {
                #expect(reply.condition == .notFound, "\(vector.text)")
                #expect(reply.body.isEmpty)
                continue
            }
            #expect(reply.isGood, "\(vector.text)")
            let target = wanted == "unknown()" ? unknown : resources[wanted]
            #expect(target?.requests.last?.headers.path == vector["gets"]?.string, "\(vector.text)")
        }
    }

    @Test func `unknown gets the original request, whole and unchanged`() async throws {
        let unknown = Echo()
        let kit = Kit()
        let router = Router(["a": Echo()], unknown: unknown)
        let headers = Headers("//b//c/", params: ["p": "1"], kit: kit, type: "t", peer: "me", others: ["x": 1])
        _ = await router.put(headers, .text("body"))
        let seen = try #require(unknown.requests.first)
        #expect(seen.headers.path == "//b//c/")
        #expect(seen.headers.params == ["p": "1"])
        #expect(seen.headers.kit === kit)
        #expect(seen.headers.type == "t")
        #expect(seen.headers.peer == "me")
        #expect(seen.headers.others == ["x": 1])
        #expect(seen.body.text == "body")
    }

    @Test func `routes come and go while requests run`() async {
        let router = Router()
        #expect(await router.get(Headers("/a")).condition == .notFound)
        router["a"] = Echo("a")
        #expect(await router.get(Headers("/a")).isGood)
        router["a"] = nil
        router.unknown = Echo("fallback")
        #expect(await router.get(Headers("/a")).type == "fallback")
        #expect(router.names == [])
    }

    @Test func `the key can be another one than the path`() async {
        let router = Router(["text": Echo("text"), "": Echo("none")], key: .header("type"))
        let reply = await router.get(Headers("/a/b", type: "text"))
        #expect(reply.type == "text")
        #expect(reply.body.text == "/a/b", "the path is not consumed")
        #expect(await router.get(Headers("/a/b")).type == "none")
        let own = Router(["7": Echo("seven")], key: RouteKey { ($0.others["shard"]?.int.map(String.init) ?? "", $0) })
        #expect(await own.get(Headers(others: ["shard": 7])).type == "seven")
        #expect(await own.get(Headers(others: ["shard": 8])).condition == .notFound)
    }

    @Test func `a binding moves one segment into a parameter`() async throws {
        let inner = Echo()
        let router = Router(["users": PathBinding("user", Router(["posts": PathBinding("post", inner)]))])
        #expect(await router.get(Headers("/users/ada%20l/posts/7/edit", params: ["k": "v"])).isGood)
        let seen = try #require(inner.requests.first?.headers)
        #expect(seen.params == ["user": "ada l", "post": "7", "k": "v"])
        #expect(seen.path == "/edit")
        #expect(await router.get(Headers("/users")).condition == .notFound)
        #expect(await router.put(Headers("/users/"), .text("x")).condition == .notFound)
    }

    @Test func `an inner binding of the same name wins`() async throws {
        let inner = Echo()
        _ = await PathBinding("id", PathBinding("id", inner)).get(Headers("/outer/inner", params: ["id": "given"]))
        #expect(inner.requests.first?.headers.params == ["id": "inner"])
    }
}
