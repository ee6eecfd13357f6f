import RxLoader
import RxModel
import RxTesting
import Testing

@Suite struct ResourceTests {
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    @Test func `a method that is not implemented is not found`() async {
        struct Nothing: Resource {}
        for resource in [Nothing(), Handler()] as [any Resource] {
            for reply in [await resource.get(Headers("/x")), await resource.put(Headers("/x"), .text("y"))] {
                #expect(reply.condition == .notFound)
                #expect(reply.body.isEmpty)
            }
        }
    }

    @Test func `an error that is thrown is answered and reported`() async throws {
        let reports = Echo()
        let kit = Kit(["condition": reports])
        let resource = Handler { _ in
            throw Broken(description: "no paper")
        } put: { _, _ in
            throw Broken(description: "no ink")
        }
        let read = await resource.get(Headers("/printer", kit: kit))
        #expect(read.condition == .error)
        #expect(read.message == "no paper")
        #expect(read.body.isEmpty)
        #expect(read.headers.text == #"{"condition":"error","message":"no paper"}"#)
        await eventually("the report") { reports.requests.count == 1 }
        let report = try #require(reports.requests.first)
        #expect(report.method == "put")
        #expect(report.body.json?.text == #"{"condition":"error","message":"no paper","path":"/printer"}"#)
        #expect(report.headers.kit == nil, "a report that fails must not report itself")
        #expect(await resource.put(Headers("/printer", kit: kit), .empty).message == "no ink")
        await eventually("the second report") { reports.requests.count == 2 }
        #expect(await resource.get(Headers("/printer")).condition == .error, "without a kit there is nobody to report to")
    }

    @Test func `a report is not waited for`() async {
        // The report is answered only after the request that caused it.
        let (stream, gate) = AsyncStream.makeStream(of: Void.self)
        let reports = Handler(put: { _, _ in
            for await _ in stream { break }
            return Reply()
        })
        let failing = Handler { _ in throw Broken(description: "late") }
        #expect(await failing.get(Headers(kit: Kit(["condition": reports]))).message == "late")
        gate.yield()
    }

    @Test func `the conditions have their words`() {
        let words = [Condition.notFound, .error, .invalid, .forbidden, .readOnly, .unavailable, .rateLimited].map(\.rawValue)
        #expect(words == ["not-found", "error", "invalid", "forbidden", "readonly", "unavailable", "rate-limited"])
    }

    @Test func `headers go through and come back`() async {
        let handler = Handler { headers in
            Reply(.json(headers.others["a"] ?? .null), type: headers.type, others: ["peer": .string(headers.peer ?? "")])
        }
        let reply = await handler.get(Headers("/", type: "t", peer: "me", others: ["a": [1, "b"]]))
        #expect(reply.headers.text == #"{"peer":"me","type":"t"}"#)
        #expect(reply.body.json?.text == #"[1,"b"]"#)
        #expect(reply.isGood)
    }
}

@Suite struct KitTests {
    @Test func `without a kit nothing is reached`() async {
        #expect(await Headers("/x").reach("/log").condition == .forbidden)
        #expect(await Headers("/x").reach("/log", put: .text("a")).condition == .forbidden)
    }

    @Test func `different kits are different worlds`() async {
        let asking = Handler { headers in await headers.reach("/name/first") }
        func kit(_ name: String) -> Kit { Kit(["name": Handler { Reply(.text("\(name) \($0.path)")) }]) }
        #expect(await asking.get(Headers(kit: kit("ada"))).body.text == "ada /first")
        #expect(await asking.get(Headers(kit: kit("bob"))).body.text == "bob /first")
        #expect(await asking.get(Headers(kit: Kit())).condition == .notFound)
    }

    @Test func `a smaller kit forbids the rest`() async {
        let log = Echo()
        let kit = Kit(["log": log, "files": Echo(), "net": Echo()]).only(["log", "net", "none"])
        #expect(kit.capabilities == ["log", "net"])
        #expect(await kit.get(Headers("/log/a")).body.text == "/a")
        let refused = await kit.put(Headers("/files/a"), .text("x"))
        #expect(refused.condition == .forbidden)
        #expect(refused.message == "the kit does not reach /files")
        #expect(await kit.get(Headers("/%66iles/a")).condition == .forbidden, "an escape is no way around")
        #expect(kit.missing(["log", "files", "gpu"]) == ["files", "gpu"])
    }

    @Test func `a kit of any resource is fenced`() async {
        let kit = Kit(["a"], of: Router(["a": Echo("a"), "b": Echo("b")]))
        #expect(await kit.get(Headers("/a/x")).body.text == "/x")
        #expect(await kit.get(Headers("/b/x")).condition == .forbidden)
    }
}
