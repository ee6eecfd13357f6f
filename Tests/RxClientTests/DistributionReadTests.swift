import RxCrypto
import RxHTTP
import RxModel
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Reading from a registry` {
    let content = artifact(blob(10).descriptor)

    @Test func `a manifest comes byte for byte, whatever parameters its type has`() throws {
        let accepts = Shared<[String]>([])
        let server = WireServer { [content] request in
            accepts.change { $0.append(request.headers["accept"] ?? "") }
            return WireServer.Answer(
                200, ["Content-Type": MediaType.imageManifest + "; charset=utf-8", "Docker-Content-Digest": content.digest.description],
                content.bytes)
        }
        let client = try server.client()
        #expect(try client.manifest("team/a", .tag("1.0")) == content)
        #expect(try client.manifest("team/a", .digest(.sha256(content.digest))) == content)
        #expect(server.asked == ["GET /v2/team/a/manifests/1.0", "GET /v2/team/a/manifests/\(content.digest)"])
        for type in MediaType.manifests.union(MediaType.indexes) { #expect(accepts.value[0].contains(type)) }
    }

    @Test func `a manifest of another digest is refused`() throws {
        let server = WireServer { [content] request in
            WireServer.Answer(
                200,
                ["Content-Type": MediaType.imageManifest, "Docker-Content-Digest": request.target.hasSuffix("1") ? "\(sha256Empty)" : ""],
                content.bytes)
        }
        let client = try server.client()
        for name in [ArtifactName.tag("1"), .digest(.sha256(sha256Empty))] {
            let error = #expect(throws: ContentError.self) { try client.manifest("a", name) }
            #expect(error?.message == "Content integrity check failed: expected \(sha256Empty), got \(content.digest)")
        }
    }

    @Test func `a manifest that is too long, or says two things, is refused`() throws {
        let server = WireServer { [content] _ in
            WireServer.Answer(200, ["Content-Type": MediaType.dockerManifest], content.bytes)
        }
        let long = #expect(throws: ContentError.self) { try server.client { $0.manifest = 100 }.manifest("a", .tag("1")) }
        #expect(long?.message == "\(server.url()) sends more than 100 bytes when asked to send a:1")
        let error = registryError { try server.client().manifest("a", .tag("1")) }
        #expect(error?.message.contains("the manifest came as \(MediaType.dockerManifest) and says \(MediaType.imageManifest)") == true)
    }

    @Test func `what is not there is nil, and what may not be seen an error with its reason`() throws {
        let server = WireServer { request in
            switch request.target {
            case "/v2/a/manifests/none": .error(404, "NAME_UNKNOWN")
            case "/v2/a/manifests/denied": .error(403, "DENIED", "requested access to the resource is denied")
            default: .error(500, "UNKNOWN", "broken")
            }
        }
        let client = try server.client()
        #expect(try client.manifest("a", .tag("none")) == nil)
        #expect(try client.head("a", .tag("none")) == nil)
        let denied = registryError { try client.manifest("a", .tag("denied")) }
        #expect(
            denied?.message == "\(server.url()) refused to send a:denied: requested access to the resource is denied")
        #expect(denied?.code == ErrorCode(wire: "DENIED", status: 403))
        let failed = registryError { try client.manifest("a", .tag("x")) }
        #expect(failed?.message == "\(server.url()) answered 500 when asked to send a:x: broken")
    }

    @Test func `a digest comes by HEAD, or by GET where the header is absent`() throws {
        let server = WireServer { [content] request in
            let headers = ["Content-Type": content.mediaType]
            if request.target.hasSuffix("new") {
                return WireServer.Answer(200, headers.merging(["Docker-Content-Digest": "\(sha256Empty)"]) { $1 }, length: 5)
            }
            return WireServer.Answer(200, headers, content.bytes, length: content.bytes.count)
        }
        let client = try server.client()
        #expect(try client.head("a", .tag("new")) == sha256Empty)
        #expect(try client.head("a", .tag("old")) == content.digest)
        #expect(server.asked.map { $0.prefix(4) } == ["HEAD", "HEAD", "GET "])
    }

    @Test func `a blob goes on where its connection was lost`() throws {
        let (bytes, descriptor) = blob(300_000)
        let ranges = Shared<[String]>([])
        let server = WireServer { request in
            let range = request.headers["range"] ?? "none"
            let round = ranges.change {
                $0.append(range); return $0.count
            }
            let start = range == "none" ? 0 : Int(range.dropFirst(6).dropLast()) ?? 0
            let rest = bytes[start...]
            switch round {
            case 1: return WireServer.Answer(200, [:], rest.prefix(100_000), length: rest.count)
            case 2: return nil
            case 3:
                let range = ["Content-Range": "bytes \(start)-299999/300000"]
                return WireServer.Answer(206, range, rest.prefix(50_000), length: rest.count)
            default: return WireServer.Answer(200, [:], bytes)
            }
        }
        #expect(try server.client().bytes(descriptor) == bytes)
        #expect(ranges.value == ["none", "bytes=100000-", "bytes=100000-", "bytes=150000-"])
    }

    @Test func `a blob that never comes whole is an error`() throws {
        let (bytes, descriptor) = blob(1000)
        let server = WireServer { request in
            switch request.headers["range"] {
            case nil: WireServer.Answer(200, [:], bytes.prefix(10), length: 1000)
            default: nil
            }
        }
        let error = registryError { try server.client { $0.retry.attempts = 3 }.bytes(descriptor) }
        #expect(error?.code == .unreachable)
        #expect(server.asked.count == 3 || server.asked.count == 4)
        let short = WireServer { _ in WireServer.Answer(200, [:], bytes.prefix(10)) }
        #expect(throws: ContentError.self) { try short.client().bytes(descriptor) }
        let long = WireServer { _ in WireServer.Answer(200, [:], bytes + [1]) }
        #expect(throws: ContentError.self) { try long.client().bytes(descriptor) }
        let none = WireServer { _ in .error(404, "BLOB_UNKNOWN") }
        let missing = registryError { try none.client().bytes(descriptor) }
        #expect(missing?.message == "Blob not found: \(descriptor.digest) in 127.0.0.1:\(none.port)/team/a")
        #expect(try !none.client().holds(descriptor, in: "team/a"))
    }

    @Test func `a registry that is busy is asked again`() throws {
        let (bytes, descriptor) = blob(10)
        let rounds = Shared(0)
        let server = WireServer { _ in
            rounds.change {
                $0 += 1; return $0
            } < 3 ? WireServer.Answer(503, ["Retry-After": "0"]) : WireServer.Answer(200, [:], bytes)
        }
        #expect(try server.client().bytes(descriptor) == bytes)
        let busy = WireServer { _ in .error(429, "TOOMANYREQUESTS", "slow down") }
        let error = registryError { try busy.client { $0.retry.attempts = 2 }.tags(of: "a") }
        #expect(error?.code.wire == "TOOMANYREQUESTS" && error?.message.hasSuffix("slow down") == true)
        #expect(error?.message.contains("answered 429 when asked to") == true && error?.hint == "try again later")
    }

    @Test func `storage on another host gives the bytes and sees no credentials`() throws {
        let (bytes, descriptor) = blob(1000)
        let seen = Shared<[String: String]>([:])
        let storage = WireServer { request in
            seen.change { $0 = request.headers }
            return WireServer.Answer(200, [:], bytes)
        }
        let place = storage.url("/bucket?X-Signature=s", host: "localhost")
        let server = WireServer { request in
            request.headers["authorization"] == nil
                ? WireServer.Answer(401, ["WWW-Authenticate": "Basic realm=\"r\""]) : WireServer.Answer(307, ["Location": place])
        }
        let credentials = FixedCredential(.password(user: "u", secret: "p"), for: "127.0.0.1:\(server.port)")
        let client = DistributionClient(
            try RegistryURL(parsing: server.url()), transport: AuthenticatingTransport(patient(), credentials: credentials))
        #expect(try client.bytes(descriptor) == bytes)
        #expect(storage.asked == ["GET /bucket?X-Signature=s"])
        #expect(seen.value["authorization"] == nil)
    }
}
