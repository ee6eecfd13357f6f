import RxCrypto
public import RxHTTP
import RxModel

/// Speaks HTTP for a resource. Source: Specs/15-loader, LOD-050 to LOD-052.
///
/// GET reads and PUT and POST write. Every answer that the resource gives is a 200 with `{"headers": {...}, "body": ...}`, also one with a
/// condition; bytes travel in base64, said by the header `encoding`.
public struct HTTPBridge: Sendable {
    /// The header that says how the body is written.
    static let encoding = "encoding"

    private let resource: any Resource
    private let kit: Kit?
    private let callerKits: CallerKits?
    private let disk: BlockingWork

    /// Speaks for `resource`, each request with `kit`, or with the kit that its caller lends, where `callerKits` reaches that.
    public init(_ resource: any Resource, kit: Kit? = nil, callerKits: CallerKits? = nil, disk: BlockingWork = .disk) {
        self.resource = resource
        self.kit = kit
        self.callerKits = callerKits
        self.disk = disk
    }

    /// Answers a request with its whole body.
    public func answer(_ request: HTTPRequest, body: [UInt8]) async -> HTTPResponse {
        guard ["GET", "PUT", "POST"].contains(request.method) else {
            let refusal = HTTPBridge.refusal(405, .methodNotAllowed, "\(request.method) is not answered here; use GET, PUT or POST")
            return refusal.with("Allow", "GET, PUT, POST")
        }
        guard let items = request.queryItems else { return HTTPBridge.refusal(400, .invalidQuery, "the query has a broken escape") }
        var headers = Headers(items.first { $0.name == "path" }?.value ?? request.path, kit: kit)
        headers.peer = request.headers["X-Bassline-Peer"]
        if let callerKits, let address = request.headers[CallerKits.address] {
            guard let lent = callerKits.kit(at: address, names: request.headers[CallerKits.names] ?? "") else {
                return await answer(.condition(.forbidden, "the kit at \(address) is not trusted here"))
            }
            headers.kit = lent
        }
        guard request.method != "GET" else { return await answer(await resource.get(headers)) }
        do {
            let value: Body = body.isEmpty ? .empty : .json(try JSON(parsing: body))
            return await answer(await resource.put(headers, value))
        } catch { return HTTPBridge.refusal(400, .invalidRequest, "the body is not JSON: \(error)") }
    }

    /// The response for what the resource answered.
    private func answer(_ reply: Reply) async -> HTTPResponse {
        var reply = reply
        reply.others[HTTPBridge.encoding] = nil
        if let json = reply.body.json { return HTTPBridge.response(reply, json) }
        do {
            let bytes: [UInt8] =
                switch reply.body {
                case .bytes(let bytes): bytes
                case .stream(let stream): try await disk.run { try stream.open().readAll(limit: renderLimit) }
                case .empty, .json, .text: []
                }
            reply.others[HTTPBridge.encoding] = "base64"
            return HTTPBridge.response(reply, .string(Base64.encode(bytes)))
        } catch { return HTTPBridge.response(.refused(error), .null) }
    }

    private static func response(_ reply: Reply, _ body: JSON) -> HTTPResponse {
        .json(200, .object(["headers": reply.headers, "body": body]))
    }

    private static func refusal(_ status: Int, _ code: ErrorCode, _ message: String) -> HTTPResponse {
        .json(status, .object(["error": .string(message), "code": .string(code.wire)]))
    }
}

extension HTTPResponse {
    fileprivate func with(_ name: String, _ value: String) -> HTTPResponse {
        var response = self
        response.headers[name] = value
        return response
    }
}
