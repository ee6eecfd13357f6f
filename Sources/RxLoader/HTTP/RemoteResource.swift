import RxCrypto
public import RxHTTP
import RxModel

/// Sends one HTTP request and takes its answer. The call blocks; it is made on threads of its own.
public protocol HTTPExchange: Sendable {
    /// Gives the status and the whole body of the answer, whatever its status, when the body has at most `limit` bytes. Throws a
    /// `ResourceError` when there is no answer, or a longer one.
    func exchange(_ method: String, _ url: String, headers: HTTPHeaders, body: [UInt8]?, limit: Int) throws -> (status: Int, body: [UInt8])
}

/// Another process's resource, as if it were here. Source: Specs/15-loader, LOD-053.
///
/// The path, the peer and the body cross the wire. The kit stays here: with a desk it is lent to the resource over there while it answers;
/// without one that has the kit that its own bridge gives it.
public struct RemoteResource: Resource {
    /// The longest answer that is read: the longest body in base64, and its headers.
    static let limit = renderLimit / 3 * 4 + (1 << 20)

    private let url: String
    private let exchange: any HTTPExchange
    private let desk: KitDesk?
    private let network: BlockingWork

    /// Speaks to the bridge at `url`, a scheme, host and maybe a path in front of every other. `desk` lends the kits of the requests.
    public init(_ url: String, over exchange: any HTTPExchange, desk: KitDesk? = nil, network: BlockingWork = .network) {
        var url = url
        while url.utf8.last == UInt8(ascii: "/") { url.removeLast() }
        self.url = url
        self.exchange = exchange
        self.desk = desk
        self.network = network
    }

    public func get(_ headers: Headers) async -> Reply { await ask("GET", headers, nil) }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let json = body.json else { return .condition(.invalid, "only text and JSON can be sent to \(url)") }
        return await ask("PUT", headers, body.isEmpty ? [] : json.canonical)
    }

    private func ask(_ method: String, _ headers: Headers, _ body: [UInt8]?) async -> Reply {
        guard let desk, let kit = headers.kit else { return await send(method, headers, body, [:]) }
        return await desk.lending(kit) { address in
            await send(method, headers, body, [CallerKits.address: address, CallerKits.names: CallerKits.text(kit.capabilities)])
        }
    }

    private func send(_ method: String, _ headers: Headers, _ body: [UInt8]?, _ kit: HTTPHeaders) async -> Reply {
        var fields = kit
        fields["Accept"] = "application/json"
        if body != nil { fields["Content-Type"] = "application/json" }
        if let peer = headers.peer {
            guard peer.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else { return .condition(.invalid, "the peer's name cannot be sent") }
            fields["X-Bassline-Peer"] = peer
        }
        let path = PercentEncoding.encode(headers.path, keeping: "/%:@!$&'()*+,;=")
        let target = url + (path.utf8.first == UInt8(ascii: "/") ? path : "/" + path)
        do {
            let (status, answer) = try await network.run { [exchange, fields] in
                try exchange.exchange(method, target, headers: fields, body: body, limit: RemoteResource.limit)
            }
            return RemoteResource.reply(status, answer, from: url)
        } catch {
            let reply = Reply.refused(error)
            reply.report(path: headers.path, to: headers.kit)
            return reply
        }
    }

    /// What an answer says.
    private static func reply(_ status: Int, _ bytes: [UInt8], from url: String) -> Reply {
        let json = try? JSON(parsing: bytes)
        guard status == 200 else {
            let condition: Condition =
                switch status {
                case 400, 405, 413, 415: .invalid
                case 401, 403: .forbidden
                case 404: .notFound
                case 429: .rateLimited
                default: .unavailable
                }
            return .condition(condition, "\(url) answered \(status)" + (json?["error"]?.string.map { ": \($0)" } ?? ""))
        }
        guard var others = json?["headers"]?.object, let body = json?["body"] else {
            return .condition(.error, "\(url) answered with something that is no resource's answer")
        }
        var reply = Reply()
        reply.type = others.removeValue(forKey: "type")?.string
        reply.condition = others.removeValue(forKey: "condition")?.string.map(Condition.init(rawValue:))
        reply.message = others.removeValue(forKey: "message")?.string
        let encoding = others.removeValue(forKey: HTTPBridge.encoding)?.string
        reply.others = others
        guard encoding == "base64" else {
            reply.body = body == .null ? .empty : .json(body)
            return reply
        }
        guard let bytes = body.string.flatMap({ Base64.decode($0) }) else {
            return .condition(.error, "\(url) answered with bytes that are not base64")
        }
        reply.body = .bytes(bytes)
        return reply
    }
}
