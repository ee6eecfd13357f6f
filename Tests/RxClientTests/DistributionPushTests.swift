import RxHTTP
import RxModel
import RxProtocol
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Sending blobs to a registry` {
    @Test func `a blob goes in one piece to the place that the registry names`() throws {
        let (bytes, descriptor) = blob(100_000)
        let got = Shared<[UInt8]>([])
        let server = WireServer { request in
            if request.method == "POST" { return WireServer.Answer(202, ["Location": "1?_state=a%2Bb"]) }
            let body = request.body()
            got.change { $0 = body }
            return WireServer.Answer(201, ["Location": "/v2/team/a/blobs/\(descriptor.digest)"])
        }
        try server.client().push(descriptor, to: "team/a") { BytesSource(bytes) }
        #expect(got.value == bytes)
        #expect(
            server.asked == [
                "POST /v2/team/a/blobs/uploads/", "PUT /v2/team/a/blobs/uploads/1?_state=a%2Bb&digest=\(descriptor.digest)",
            ])
        let (none, nothing) = blob(0)
        try server.client().push(nothing, to: "team/a") { BytesSource(none) }
        #expect(got.value == [])
    }

    @Test func `a place on another host gets the bytes and no credentials`() throws {
        let (bytes, descriptor) = blob(1000)
        let seen = Shared<[String: String]>([:])
        let storage = WireServer { request in
            seen.change { $0 = request.headers }
            return WireServer.Answer(request.body() == bytes ? 201 : 400)
        }
        let place = storage.url("/put?sig=1", host: "localhost")
        let server = WireServer { request in
            request.headers["authorization"] == nil
                ? WireServer.Answer(401, ["WWW-Authenticate": "Basic realm=\"r\""]) : WireServer.Answer(202, ["Location": place])
        }
        let credentials = FixedCredential(.password(user: "u", secret: "p"), for: "127.0.0.1:\(server.port)")
        let client = DistributionClient(
            try RegistryURL(parsing: server.url()), transport: AuthenticatingTransport(patient(), credentials: credentials))
        try client.push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(storage.asked == ["PUT /put?sig=1&digest=\(descriptor.digest)"])
        #expect(seen.value["authorization"] == nil && seen.value["content-type"] == "application/octet-stream")
    }

    @Test(arguments: [201, 202, 403]) func `a blob that another repository has is mounted, or sent after all`(_ status: Int) throws {
        let (bytes, descriptor) = blob(10)
        let server = WireServer { request in
            switch request.method {
            case "POST" where request.target.contains("mount="): WireServer.Answer(status, status == 403 ? [:] : ["Location": "/session"])
            case "POST": WireServer.Answer(202, ["Location": "/session"])
            default: WireServer.Answer(request.body() == bytes ? 201 : 400)
            }
        }
        let opened = Shared(0)
        try server.client().push(descriptor, to: "team/a", mountFrom: "other/b") {
            opened.change { $0 += 1 }
            return BytesSource(bytes)
        }
        #expect(server.asked[0] == "POST /v2/team/a/blobs/uploads/?mount=\(descriptor.digest)&from=other%2Fb")
        #expect(server.asked.count == [201: 1, 202: 2, 403: 3][status])
        #expect(opened.value == (status == 201 ? 0 : 1))
    }

    /// A session in memory; `before` sees each request and may answer in the session's place.
    func sessions(minimum: Int? = nil, _ before: @escaping @Sendable (WireServer.Request, Shared<[UInt8]>) -> WireServer.Answer??)
        -> (WireServer, Shared<[UInt8]>)
    {
        let held = Shared<[UInt8]>([])
        let server = WireServer { request in
            if let answer = before(request, held) { return answer }
            let range = { held.value.isEmpty ? [:] : ["Range": "0-\(held.value.count - 1)"] }
            switch request.method {
            case "POST":
                held.change { $0 = [] }
                let headers = ["Location": "/s/0", "OCI-Chunk-Min-Length": minimum.map { "\($0)" } ?? ""]
                return WireServer.Answer(202, headers.filter { !$0.value.isEmpty })
            case "PATCH":
                guard request.headers["content-range"]?.hasPrefix("\(held.value.count)-") == true else { return WireServer.Answer(416) }
                let body = request.body()
                held.change { $0 += body }
                return WireServer.Answer(202, range().merging(["Location": "/s/\(held.value.count)"]) { $1 })
            case "GET": return WireServer.Answer(204, range().merging(["Location": "/s/\(held.value.count)"]) { $1 })
            case "HEAD": return WireServer.Answer(404)
            case "PUT":
                let body = request.body()
                held.change { $0 += body }
                return WireServer.Answer(201)
            default: return WireServer.Answer(204)
            }
        }
        return (server, held)
    }

    @Test func `a long blob goes in chunks, each to the place of the one before`() throws {
        let (bytes, descriptor) = blob(250)
        let (server, held) = sessions(minimum: 120) { _, _ in nil }
        try server.client { $0.chunk = 100 }.push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(held.value == bytes)
        #expect(
            server.asked == [
                "POST /v2/a/blobs/uploads/", "PATCH /s/0", "PATCH /s/120", "PATCH /s/240", "PUT /s/250?digest=\(descriptor.digest)",
            ])
    }

    @Test func `a lost connection goes on from what the session has`() throws {
        let (bytes, descriptor) = blob(250_000)
        let losses = Shared(0)
        let (server, held) = sessions { request, held in
            guard request.method == "PATCH", request.target != "/s/0",
                losses.change({
                    $0 += 1; return $0
                }) == 1
            else { return nil }
            let part = request.body(30_000)
            held.change { $0 += part }
            return .some(nil)
        }
        let moved = CountingProgress()
        var client = try server.client { $0.chunk = 100_000 }
        client = DistributionClient(client.registry, transport: client.transport, progress: moved)
        (client.limits.chunk, client.limits.retry.pause) = (100_000, 0.01)
        try client.push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(held.value == bytes)
        #expect(server.asked.contains("GET /s/100000"), "\(server.asked)")
        #expect(server.asked.contains("PATCH /s/130000"), "\(server.asked)")
        #expect(moved.bytes.value == 250_000, "every byte counts once")
    }

    @Test func `a session that is gone begins anew, a few times`() throws {
        let (bytes, descriptor) = blob(250)
        let rounds = Shared(0)
        let (server, held) = sessions { request, _ in
            guard request.method == "PATCH",
                rounds.change({
                    $0 += 1; return $0
                }) == 2
            else { return nil }
            // Bytes that nobody reads make the connection break, and the answer with it.
            _ = request.body()
            return .error(404, "BLOB_UPLOAD_UNKNOWN")
        }
        try server.client { $0.chunk = 100 }.push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(held.value == bytes && server.asked.filter { $0.hasPrefix("POST") }.count == 2)

        let (never, _) = sessions { request, _ in
            guard request.method == "PATCH" else { return nil }
            _ = request.body()
            return .error(404, "BLOB_UPLOAD_UNKNOWN", "gone")
        }
        let error = registryError { try never.client { $0.chunk = 100 }.push(descriptor, to: "a") { BytesSource(bytes) } }
        #expect(error?.code.wire == "BLOB_UPLOAD_UNKNOWN")
        #expect(error?.message == "\(never.url()) refused to take the blob \(descriptor.digest) into a: gone")
        #expect(never.asked.filter { $0.hasPrefix("POST") }.count == 4 && never.asked.last == "DELETE /s/0")
    }

    @Test(arguments: ["0-0", "0-49", "0--1"])
    func `a session that takes bytes and never has them is left after a few times`(_ range: String) throws {
        let (bytes, descriptor) = blob(250)
        let (server, _) = sessions { request, _ in
            guard request.method == "PATCH" else { return nil }
            _ = request.body()
            return WireServer.Answer(202, ["Location": "/s/0", "Range": range])
        }
        let error = registryError { try server.client { $0.chunk = 100 }.push(descriptor, to: "a") { BytesSource(bytes) } }
        #expect(error?.code == .invalidAnswer && error?.message.contains("says that it has none of them") == true)
        #expect(server.asked.count { $0.hasPrefix("PATCH") } <= 5 && server.asked.last == "DELETE /s/0")
    }

    @Test func `a registry that refuses one long piece gets shorter ones`() throws {
        let (bytes, descriptor) = blob(1000)
        let (server, held) = sessions { request, _ in request.length > 300 ? .some(.init(413)) : nil }
        try server.client { $0.shortestChunk = 50 }.push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(held.value == bytes && server.asked.filter { $0.hasPrefix("PATCH") }.count == 8)
        let (chunked, taken) = sessions { request, _ in request.method == "PUT" && request.length > 0 ? .error(405, "UNSUPPORTED") : nil }
        try chunked.client().push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(taken.value == bytes)
    }

    @Test func `a whole that was lost behind its last byte is found`() throws {
        let (bytes, descriptor) = blob(1000)
        let server = WireServer { request in
            switch request.method {
            case "POST": return WireServer.Answer(202, ["Location": "/s"])
            case "PUT":
                _ = request.body()
                return nil
            default: return WireServer.Answer(200, [:], length: 1000)
            }
        }
        try server.client().push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(server.asked.last == "HEAD /v2/a/blobs/\(descriptor.digest)")
    }

    @Test func `a refusal, a short source and a place that cannot be used are told`() throws {
        let (bytes, descriptor) = blob(1000)
        let (server, _) = sessions { request, _ in
            guard request.method == "PUT" else { return nil }
            _ = request.body()
            return .error(400, "DIGEST_INVALID", "not that")
        }
        #expect(registryError { try server.client().push(descriptor, to: "a") { BytesSource(bytes) } }?.code.wire == "DIGEST_INVALID")
        #expect(server.asked.last == "DELETE /s/0")
        let (taking, _) = sessions { _, _ in nil }
        #expect(throws: ContentError.self) { try taking.client().push(descriptor, to: "a") { BytesSource(Array(bytes.dropLast())) } }
        // The request that is cut short and this one come by two connections, and the server may see the later one first.
        #expect(taking.asked.contains("DELETE /s/0"))
        let lost = WireServer { _ in WireServer.Answer(202) }
        let error = registryError { try lost.client().push(descriptor, to: "a") { BytesSource(bytes) } }
        #expect(error?.message.contains("without a Location") == true)
        #expect(registryError { try DistributionClient.nobody.push(descriptor, to: "a") { BytesSource(bytes) } }?.code == .unreachable)
    }
}

extension DistributionClient {
    /// Asks where nobody listens.
    fileprivate static var nobody: DistributionClient {
        get throws { DistributionClient(try RegistryURL(parsing: "http://127.0.0.1:1"), transport: patient()) }
    }
}

/// Counts the bytes that moved.
private final class CountingProgress: Progress {
    let bytes = Shared(0)
    func begin(_ what: String, total: Int?) {}
    func advance(_ count: Int) { bytes.change { $0 += count } }
    func end() {}
}
