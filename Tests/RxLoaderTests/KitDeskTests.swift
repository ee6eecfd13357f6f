import RxHTTP
import RxLoader
import RxModel
import Synchronization
import Testing

/// Two processes in one: each bridge answers under its host.
private final class Hosts: HTTPExchange {
    private let bridges = Mutex<[String: HTTPBridge]>([:])
    private let seen = Mutex<[String]>([])

    var requests: [String] { seen.withLock { $0 } }

    func add(_ host: String, _ bridge: HTTPBridge) { bridges.withLock { $0[host] = bridge } }

    func exchange(_ method: String, _ url: String, headers: HTTPHeaders, body: [UInt8]?, limit: Int) throws -> (status: Int, body: [UInt8])
    {
        let rest = url.dropFirst("http://".count)
        let host = String(rest.prefix { $0 != "/" })
        seen.withLock { $0.append("\(method) \(host)") }
        guard let bridge = bridges.withLock({ $0[host] }) else { throw RegistryError("Unable to connect to \(host)", code: .unreachable) }
        let request = HTTPRequest(method: method, target: String(rest.dropFirst(host.count)), headers: headers)
        let reply = DispatchedReply()
        Task { reply.give(await bridge.answer(request, body: body ?? [])) }
        let response = reply.wait()
        guard case .bytes(let bytes) = response.body else { return (response.status, []) }
        return (response.status, bytes)
    }
}

@Suite struct KitDeskTests {
    /// There, a resource that asks its kit; here, a desk that lends kits.
    private func world(isTrusted: @escaping @Sendable (String) -> Bool = { $0.hasPrefix("http://here/kits/") }) -> (Hosts, RemoteResource) {
        let hosts = Hosts()
        let asking = Handler { headers in
            await headers.reach(headers.path)
        } put: { headers, body in
            await headers.reach(headers.path, put: body)
        }
        hosts.add("there", HTTPBridge(asking, callerKits: CallerKits(over: hosts, isTrusted: isTrusted)))
        let desk = KitDesk(url: "http://here/kits/")
        hosts.add("here", HTTPBridge(Router(["kits": desk])))
        return (hosts, RemoteResource("http://there", over: hosts, desk: desk))
    }

    @Test func `a kit is lent while a request lasts, and no longer`() async throws {
        let (hosts, remote) = world()
        let address = Mutex("")
        let values = MemoryValues()
        let kit = Kit(["values": values, "my, log": Echo(), "name": Handler { _ in Reply(.text("ada")) }])
        #expect(await remote.put(Headers("/values/k", kit: kit), .json(7)).isGood)
        #expect(await values.get(Headers("/k")).body.json == 7)
        #expect(await remote.get(Headers("/name", kit: kit)).body.text == "ada")
        #expect(await remote.get(Headers("/my%2C%20log/x", kit: kit)).body.text == "/x")
        #expect(await remote.get(Headers("/name", kit: kit.only(["values"]))).condition == .forbidden)
        #expect(await remote.get(Headers("/name", kit: Kit(["name": Handler { _ in Reply(.text("bob")) }]))).body.text == "bob")
        #expect(await remote.get(Headers("/name")).condition == .forbidden, "who has no kit lends none")
        #expect(hosts.requests.filter { $0.hasSuffix(" here") }.count == 4)
        // The name of a kit is worth nothing when the request is over.
        let spy = Hosts()
        spy.add(
            "there",
            HTTPBridge(
                Handler { _ in Reply() },
                callerKits: CallerKits(over: spy) { text in
                    address.withLock { $0 = text }
                    return true
                }))
        let desk = KitDesk(url: "http://here/kits")
        _ = await RemoteResource("http://there", over: spy, desk: desk).get(Headers("/", kit: kit))
        let path = address.withLock { String($0.dropFirst("http://here/kits".count)) }
        #expect(path.utf8.count == 33)
        #expect(await desk.get(Headers(path + "/name")).condition == .notFound)
        #expect(await desk.put(Headers(path + "/values/k"), .json(8)).condition == .notFound)
    }

    @Test func `a kit that is not trusted is not asked`() async {
        let (hosts, remote) = world { _ in false }
        let reply = await remote.get(Headers("/name", kit: Kit(["name": Echo()])))
        #expect(reply.condition == .forbidden)
        #expect(reply.message?.hasSuffix(" is not trusted here") == true)
        #expect(hosts.requests == ["GET there"])
        let plain = HTTPBridge(Handler { headers in Reply(.json(.bool(headers.kit == nil))) })
        let response = await plain.answer(
            HTTPRequest(method: "GET", target: "/", headers: ["X-Bassline-Kit": "http://here/kits/x"]), body: [])
        guard case .bytes(let bytes) = response.body else {
            Issue.record("no body")
            return
        }
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"body":true,"headers":{}}"#)
    }
}
