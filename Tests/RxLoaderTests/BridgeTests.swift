import RxHTTP
import RxLoader
import RxModel
import Synchronization
import Testing

/// Hands requests to a bridge as if there were a network between.
private final class Wire: HTTPExchange {
    private let bridge: HTTPBridge
    private let seen = Mutex<[String]>([])

    init(_ resource: any Resource) { bridge = HTTPBridge(resource) }

    var requests: [String] { seen.withLock { $0 } }

    func exchange(_ method: String, _ url: String, headers: HTTPHeaders, body: [UInt8]?, limit: Int) throws -> (status: Int, body: [UInt8])
    {
        seen.withLock { $0.append("\(method) \(url)") }
        let request = HTTPRequest(method: method, target: String(url.dropFirst("http://there".count)), headers: headers)
        let done = DispatchedReply()
        Task { [bridge] in done.give(await bridge.answer(request, body: body ?? [])) }
        let response = done.wait()
        guard case .bytes(let bytes) = response.body else { return (response.status, []) }
        return (response.status, bytes)
    }
}

/// Answers the same to everything; not at all with status 0.
private struct Fixed: HTTPExchange {
    let status: Int
    let body: String

    func exchange(_ method: String, _ url: String, headers: HTTPHeaders, body: [UInt8]?, limit: Int) throws -> (status: Int, body: [UInt8])
    {
        guard status > 0 else { throw RegistryError("Unable to connect to \(url)", code: .unreachable) }
        return (status, Array(self.body.utf8))
    }
}

@Suite struct BridgeTests {
    private static func answer(
        _ resource: any Resource, _ method: String, _ target: String, _ body: String = "", _ headers: HTTPHeaders = [:]
    ) async -> (status: Int, body: String, headers: HTTPHeaders) {
        let request = HTTPRequest(method: method, target: target, headers: headers)
        let response = await HTTPBridge(resource).answer(request, body: Array(body.utf8))
        guard case .bytes(let bytes) = response.body else { return (response.status, "", response.headers) }
        return (response.status, String(decoding: bytes, as: UTF8.self), response.headers)
    }

    @Test func `methods become get and put`() async {
        let echo = Echo("echo")
        let read = await BridgeTests.answer(echo, "GET", "/a//b/?x=1")
        #expect(read.status == 200)
        #expect(read.body == #"{"body":"/a//b/","headers":{"type":"echo"}}"#)
        #expect(read.headers["Content-Type"] == "application/json")
        for method in ["PUT", "POST"] {
            #expect(await BridgeTests.answer(echo, method, "/c", #"{"k": [1]}"#).body == #"{"body":{"k":[1]},"headers":{"type":"echo"}}"#)
        }
        #expect(await BridgeTests.answer(echo, "PUT", "/c").body == #"{"body":null,"headers":{"type":"echo"}}"#)
        #expect(echo.requests.map(\.method) == ["get", "put", "put", "put"])
    }

    @Test(arguments: ["DELETE", "HEAD", "PATCH", "OPTIONS", "get"]) func `other methods are 405`(_ method: String) async {
        let echo = Echo()
        let answer = await BridgeTests.answer(echo, method, "/a")
        #expect(answer.status == 405)
        #expect(answer.headers["Allow"] == "GET, PUT, POST")
        #expect(echo.requests.isEmpty)
    }

    @Test func `broken JSON and queries are 400`() async {
        let echo = Echo()
        #expect(await BridgeTests.answer(echo, "PUT", "/a", "{").status == 400)
        #expect(await BridgeTests.answer(echo, "PUT", "/a", "{").body.contains("the body is not JSON: "))
        #expect(await BridgeTests.answer(echo, "GET", "/a?path=%zz").status == 400)
        #expect(echo.requests.isEmpty)
    }

    @Test func `the query overrides the path, and the peer is named`() async throws {
        let echo = Echo()
        _ = await BridgeTests.answer(echo, "GET", "/a?path=%2Fb%2Fc&path=/d", "", ["X-Bassline-Peer": "ada"])
        let seen = try #require(echo.requests.first?.headers)
        #expect(seen.path == "/b/c")
        #expect(seen.peer == "ada")
        #expect(seen.kit == nil)
    }

    @Test func `a condition is still a 200`() async {
        let answer = await BridgeTests.answer(Forbidden("ask Ada"), "GET", "/a")
        #expect(answer.status == 200)
        #expect(answer.body == #"{"body":null,"headers":{"condition":"forbidden","message":"ask Ada"}}"#)
    }

    @Test func `a request has the kit of the bridge`() async {
        let asking = Handler { headers in await headers.reach("/name") }
        let bridge = HTTPBridge(asking, kit: Kit(["name": Handler { _ in Reply(.text("kit")) }]))
        let response = await bridge.answer(HTTPRequest(method: "GET", target: "/"), body: [])
        guard case .bytes(let bytes) = response.body else {
            Issue.record("no body")
            return
        }
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"body":"kit","headers":{}}"#)
    }

    @Test func `bytes travel in base64`() async {
        let bytes = Handler { _ in Reply(.bytes([0, 255]), type: "binary", others: ["encoding": "mine"]) }
        #expect(await BridgeTests.answer(bytes, "GET", "/").body == #"{"body":"AP8=","headers":{"encoding":"base64","type":"binary"}}"#)
        let text = Handler { _ in Reply(.text("AP8="), others: ["encoding": "base64"]) }
        #expect(await BridgeTests.answer(text, "GET", "/").body == #"{"body":"AP8=","headers":{}}"#, "text never passes for bytes")
        final class Long: ByteSource {
            func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { buffer.count }
        }
        let long = Handler { _ in Reply(.stream(BodyStream { Long() })) }
        #expect(await BridgeTests.answer(long, "GET", "/").body.contains("CONTENT_TOO_LARGE"))
    }

    @Test func `another process's resource is used as one that is here`() async throws {
        let values = MemoryValues()
        let wire = Wire(
            Router(["values": values, "raw": Handler { _ in Reply(.bytes([1, 2, 0]), others: ["n": 7]) }, "no": Forbidden("ask")]))
        let there = Router(["there": RemoteResource("http://there/", over: wire)])
        #expect(await there.put(Headers("/there/values/a%20b"), .json(["x", 1])).isGood)
        #expect(await values.get(Headers("/a%20b")).body.json == ["x", 1])
        #expect(await there.get(Headers("/there/values/a%20b")).body.json == ["x", 1])
        #expect(await there.put(Headers("/there/values/a%20b"), .empty).isGood)
        #expect(await there.get(Headers("/there/values/a%20b")).condition == .notFound)
        let raw = await there.get(Headers("/there/raw"))
        #expect(try raw.bytes() == [1, 2, 0])
        #expect(raw.others == ["n": 7])
        let refused = await there.get(Headers("/there/no/x?y#z"))
        #expect(refused.condition == .forbidden)
        #expect(refused.message == "ask")
        #expect(wire.requests.last == "GET http://there/no/x%3Fy%23z", "no part of a path becomes a query")
        #expect(await there.put(Headers("/there/values/a"), .bytes([1])).condition == .invalid)
        #expect(await there.get(Headers("/there/values/a", peer: "a\r\nHost: b")).condition == .invalid)
    }

    @Test func `what is no answer is a condition`() async {
        func condition(_ status: Int, _ body: String = "") async -> Condition? {
            let resource = RemoteResource("http://there", over: Fixed(status: status, body: body))
            return await resource.get(Headers("/a")).condition
        }
        #expect(await condition(0) == .unavailable)
        #expect(await condition(503) == .unavailable)
        #expect(await condition(403) == .forbidden)
        #expect(await condition(404) == .notFound)
        #expect(await condition(429) == .rateLimited)
        #expect(await condition(405) == .invalid)
        for body in ["", "<html>", "[]", #"{"headers":{}}"#, #"{"headers":{"encoding":"base64"},"body":"?"}"#] {
            #expect(await condition(200, body) == .error, "\(body)")
        }
        let told = await RemoteResource("http://there", over: Fixed(status: 400, body: #"{"error":"why"}"#)).get(Headers("/a"))
        #expect(told.message == "http://there answered 400: why")
    }
}
