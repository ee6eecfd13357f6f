import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Proving who asks` {
    static let me = Credential.password(user: "me", secret: "s3cret")
    static let basic = "Basic bWU6czNjcmV0"

    /// A registry behind a token service on the same server: it wants a token for what is asked, and gives them to `me`, or to everybody.
    func tokenServer(open: Bool = false, seconds: Int = 300, _ respond: @escaping @Sendable (WireServer.Request) -> WireServer.Answer?)
        -> (WireServer, granted: Shared<[String]>)
    {
        let granted = Shared<[String]>([])
        let port = Shared(0)
        let server = WireServer { request in
            if request.target.hasPrefix("/token") {
                guard open || request.headers["authorization"] == Self.basic else { return WireServer.Answer(401) }
                let number = granted.change {
                    $0.append(request.target); return $0.count
                }
                return WireServer.Answer(200, [:], #"{"token":"t\#(number)","expires_in":\#(seconds)}"#.utf8)
            }
            let scope = "repository:a:\(["GET", "HEAD"].contains(request.method) ? "pull" : "pull,push")"
            let last = granted.value.lastIndex { $0.hasSuffix(scope.replacing(":", with: "%3A").replacing(",", with: "%2C")) }
            guard let last, request.headers["authorization"] == "Bearer t\(last + 1)" else {
                let realm = "realm=\"http://127.0.0.1:\(port.value)/token\",service=\"s\",scope=\"\(scope)\""
                return WireServer.Answer(401, ["WWW-Authenticate": "Bearer \(realm)"], "who?".utf8)
            }
            return respond(request)
        }
        port.change { $0 = server.port }
        return (server, granted)
    }

    func client(_ server: WireServer, _ credential: Credential?) throws -> DistributionClient {
        let source: any CredentialSource = credential.map { FixedCredential($0, for: "127.0.0.1:\(server.port)") } ?? NoCredentials()
        var client = DistributionClient(
            try RegistryURL(parsing: server.url()), transport: AuthenticatingTransport(patient(), credentials: source))
        client.limits.retry.pause = 0.01
        return client
    }

    @Test func `Basic is sent when it is asked for, and from then on`() throws {
        let server = WireServer { request in
            request.headers["authorization"] == Self.basic
                ? WireServer.Answer(200, [:], #"{"tags":["1"]}"#.utf8)
                : WireServer.Answer(401, ["WWW-Authenticate": "Basic realm=\"Registry\""])
        }
        let known = try client(server, Self.me)
        for _ in 1...3 { #expect(try known.tags(of: "a") == ["1"]) }
        #expect(server.asked.count == 4)
        let host = "127.0.0.1:\(server.port)"
        let nobody = registryError { try client(server, nil).tags(of: "a") }
        #expect(nobody?.message == "\(host) requires authentication" && nobody?.hint == "rx login \(host)" && nobody?.code == .unauthorized)
        let wrong = registryError { try client(server, .password(user: "me", secret: "wr0ng")).tags(of: "a") }
        #expect(wrong?.message == "\(host) refused the password of me" && wrong?.hint == "rx login \(host)")
        #expect(wrong.map { "\($0) \(String(reflecting: $0))".contains("wr0ng") } == false)
        #expect(registryError { try client(server, .identity(token: "x")).check() }?.message == "\(host) refused the identity token")
    }

    @Test func `a token is got once for each kind of access and kept`() throws {
        let (server, granted) = tokenServer { _ in WireServer.Answer(200, [:], #"{"tags":["1"]}"#.utf8) }
        let client = try client(server, Self.me)
        for _ in 1...3 { #expect(try client.tags(of: "a") == ["1"]) }
        #expect(granted.value == ["/token?account=me&service=s&scope=repository%3Aa%3Apull"])
        #expect(server.asked.count == 5)
    }

    @Test func `everybody may have a token where nobody needs a name`() throws {
        let (server, granted) = tokenServer(open: true) { _ in WireServer.Answer(200, [:], #"{"tags":["1"]}"#.utf8) }
        #expect(try client(server, nil).tags(of: "a") == ["1"])
        #expect(granted.value == ["/token?service=s&scope=repository%3Aa%3Apull"])
        let (closed, _) = tokenServer { _ in nil }
        let error = registryError { try client(closed, nil).tags(of: "a") }
        #expect(error?.message == "127.0.0.1:\(closed.port) requires authentication to pull a" && error?.code == .unauthorized)
        let wrong = registryError { try client(closed, .password(user: "x", secret: "y")).tags(of: "a") }
        #expect(wrong?.message == "127.0.0.1:\(closed.port) refused the password of x to pull a")
    }

    @Test func `an identity token is changed for others`() throws {
        let port = Shared(0)
        let form = Shared("")
        let server = WireServer { request in
            if request.line == "POST /token" {
                let body = request.body()
                form.change { $0 = String(decoding: body, as: UTF8.self) }
                return WireServer.Answer(200, [:], #"{"access_token":"at"}"#.utf8)
            }
            guard request.headers["authorization"] == "Bearer at" else {
                return WireServer.Answer(401, ["WWW-Authenticate": "Bearer realm=\"http://127.0.0.1:\(port.value)/token\",service=s"])
            }
            return WireServer.Answer(200)
        }
        port.change { $0 = server.port }
        try client(server, .identity(token: "idt")).check()
        #expect(form.value == "service=s&grant_type=refresh_token&client_id=rx&refresh_token=idt")
    }

    @Test func `a token that ends while a blob is sent is renewed, and the blob sent again`() throws {
        let (bytes, descriptor) = blob(100_000)
        let ended = Shared(false)
        let (server, granted) = tokenServer { request in
            request.method == "POST" ? WireServer.Answer(202, ["Location": "/v2/a/blobs/uploads/1"]) : nil
        }
        _ = server
        let port = Shared(0)
        let got = Shared<[UInt8]>([])
        let registry = WireServer { request in
            if request.target.hasPrefix("/token") {
                let number = granted.change {
                    $0.append(request.target); return $0.count
                }
                return WireServer.Answer(200, [:], #"{"token":"t\#(number)","expires_in":300}"#.utf8)
            }
            let challenge = "Bearer realm=\"http://127.0.0.1:\(port.value)/token\",scope=\"repository:a:pull,push\""
            guard request.headers["authorization"] == "Bearer t\(granted.value.count)" else {
                return WireServer.Answer(401, ["WWW-Authenticate": challenge])
            }
            switch request.method {
            case "POST": return WireServer.Answer(202, ["Location": "/v2/a/blobs/uploads/1"])
            case "HEAD": return WireServer.Answer(404)
            default:
                let body = request.body()
                if !ended.change({ was in
                    defer { was = true }; return was
                }) {
                    return WireServer.Answer(401, ["WWW-Authenticate": challenge])
                }
                got.change { $0 = body }
                return WireServer.Answer(201)
            }
        }
        port.change { $0 = registry.port }
        try client(registry, Self.me).push(descriptor, to: "a") { BytesSource(bytes) }
        #expect(got.value == bytes && granted.value.count >= 2)
    }

    @Test func `credentials are not shown to a token service without a secure connection elsewhere`() throws {
        let server = WireServer { _ in
            WireServer.Answer(401, ["WWW-Authenticate": "Bearer realm=\"http://auth.example/token\",service=s"])
        }
        let error = registryError { try client(server, Self.me).check() }
        #expect(
            error?.message == "127.0.0.1:\(server.port) sends its users to http://auth.example for a token, without a secure connection")
        let odd = WireServer { _ in WireServer.Answer(401, ["WWW-Authenticate": "Bearer realm=\"file:///etc\",service=s"]) }
        #expect(registryError { try client(odd, Self.me).check() }?.message.hasSuffix("names a token service that is no URL") == true)
    }

    @Test func `a challenge of another host, or of an unknown kind, is an answer`() throws {
        let thief = WireServer { request in
            WireServer.Answer(request.headers["authorization"] == nil ? 401 : 200, ["WWW-Authenticate": "Basic realm=\"r\""])
        }
        let place = thief.url("/x", host: "localhost")
        let server = WireServer { request in
            request.target == "/odd"
                ? WireServer.Answer(401, ["WWW-Authenticate": "Digest realm=\"r\""]) : WireServer.Answer(307, ["Location": place])
        }
        let credentials = FixedCredential(Self.me, for: "127.0.0.1:\(server.port)")
        let transport = AuthenticatingTransport(patient(), credentials: credentials)
        var request = TransportRequest("GET", server.url("/y"))
        request.redirects = .content
        #expect(try transport.collect(request).head.status == 401)
        #expect(thief.asked == ["GET /x"])
        #expect(try transport.collect(TransportRequest("GET", server.url("/odd"))).head.status == 401)
    }

    @Test func `many threads get one token`() throws {
        let (server, granted) = tokenServer { _ in WireServer.Answer(200, [:], #"{"tags":["1"]}"#.utf8) }
        let client = try client(server, Self.me)
        let found = Shared(0)
        let threads = (0..<8).map { _ in
            RxPosix.Thread { if (try? client.tags(of: "a")) == ["1"] { found.change { $0 += 1 } } }
        }
        for thread in threads { thread.join() }
        #expect(found.value == 8 && granted.value.count == 1)
    }
}

/// Knows nobody.
private struct NoCredentials: CredentialSource {
    func credential(for host: String, notes: inout [String]) -> Credential? { nil }
}
