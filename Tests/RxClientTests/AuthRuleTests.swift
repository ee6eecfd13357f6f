import RxHTTP
import RxModel
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Challenges and tokens` {
    @Test(
        arguments: [
            ("Basic realm=\"a, \\\"b\\\"\"", [Challenge(scheme: "basic", parameters: ["realm": "a, \"b\""])]),
            (
                "Bearer realm=\"https://auth.example/token\",service=\"r.example\",scope=\"repository:a/b:pull,push\"",
                [
                    Challenge(
                        scheme: "bearer",
                        parameters: ["realm": "https://auth.example/token", "service": "r.example", "scope": "repository:a/b:pull,push"])
                ]
            ),
            (
                "Negotiate, NTLM abc==, Basic Realm = x , charset=UTF-8,Bearer realm=https://h/t?x=y,error=\"e\"",
                [
                    Challenge(scheme: "negotiate"), Challenge(scheme: "ntlm", token: "abc=="),
                    Challenge(scheme: "basic", parameters: ["realm": "x", "charset": "UTF-8"]),
                    Challenge(scheme: "bearer", parameters: ["realm": "https://h/t?x=y", "error": "e"]),
                ]
            ),
            ("Basic realm=\"a\", realm=\"b\"", [Challenge(scheme: "basic", parameters: ["realm": "a"])]),
            ("", []), (", ,", []), ("Basic", [Challenge(scheme: "basic")]), ("=x", []),
        ] as [(String, [Challenge])])
    func `a header may hold several challenges, and quotes`(_ header: String, _ expected: [Challenge]) {
        #expect(Challenge.parse([header]) == expected)
    }

    @Test func `no header makes the parser stand still or fall`() {
        let pieces = ["Basic", " ", ",", "=", "\"", "\\", "realm", "a b", "é", "\t", "x=\"", "=="]
        for first in pieces {
            for second in pieces {
                for third in pieces { _ = Challenge.parse([first + second + third + first, second]) }
            }
        }
    }

    func grant(_ header: String) throws -> TokenGrant { try #require(Challenge.parse([header]).first.flatMap { TokenGrant($0) }) }

    @Test func `a token is asked for by GET, and an identity token changed by POST`() throws {
        let grant = try grant("Bearer realm=\"https://h/t?a=b\",service=\"s 1\",scope=\"repository:a:pull repository:b/c:push,pull\"")
        let open = grant.request(nil, client: "rx")
        #expect(open.method == "GET" && open.headers["Authorization"] == nil)
        #expect(open.url == "https://h/t?a=b&service=s%201&scope=repository%3Aa%3Apull&scope=repository%3Ab%2Fc%3Apush%2Cpull")
        let named = grant.request(.password(user: "Aladdin", secret: "open sesame"), client: "rx")
        #expect(named.headers["Authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(named.url.hasPrefix("https://h/t?a=b&account=Aladdin&service="))
        let changed = grant.request(.identity(token: "i&d"), client: "rx")
        #expect(changed.method == "POST" && changed.url == "https://h/t?a=b" && changed.redirects == .none)
        guard case .bytes(let body, "application/x-www-form-urlencoded") = changed.body else { return #expect(Bool(false)) }
        #expect(
            String(decoding: body, as: UTF8.self)
                == "service=s%201&grant_type=refresh_token&client_id=rx&refresh_token=i%26d&scope=repository%3Aa%3Apull%20repository%3Ab%2Fc%3Apush%2Cpull"
        )
        #expect(grant.purpose == "to pull a")
        #expect(try self.grant("Bearer realm=r,scope=\"repository:h:5/a:pull,push\"").purpose == "to pull and push h:5/a")
        #expect(try self.grant("Bearer realm=r,scope=\"registry:catalog:*\"").purpose == nil)
        #expect(TokenGrant(Challenge(scheme: "bearer")) == nil)
    }

    @Test(
        arguments: [
            (#"{"token":"a"}"#, "a", 60), (#"{"access_token":"b","expires_in":300}"#, "b", 300),
            (#"{"token":"","access_token":"c"}"#, "c", 60),
            (#"{"token":"a\r\nX: y"}"#, nil, 0), (#"{"token":1}"#, nil, 0), ("nonsense", nil, 0),
            (#"{"token":"a","expires_in":-5}"#, "a", 0),
        ] as [(String, String?, Int)])
    func `a token's answer is read under both names`(_ body: String, _ text: String?, _ seconds: Int) {
        let token = Token(parsing: Array(body.utf8))
        #expect(token?.text == text && token?.seconds ?? 0 == seconds)
    }

    @Test func `requests of one kind need the same proof`() throws {
        func kind(_ method: String, _ path: String) throws -> AccessKind { AccessKind(method, try WebURL("http://h:5000\(path)")) }
        #expect(try kind("GET", "/v2/a/b/manifests/1") == kind("HEAD", "/v2/a/b/blobs/sha256:1?x=/manifests/"))
        #expect(try kind("GET", "/v2/a/b/manifests/1").repository == "a/b")
        #expect(try kind("GET", "/v2/a/blobs/b/tags/list").repository == "a/blobs/b")
        #expect(try kind("PUT", "/v2/a/blobs/uploads/1").action == .write)
        #expect(try kind("GET", "/v2/a/blobs/uploads/1").action == .write)
        #expect(try kind("DELETE", "/v2/a/manifests/1").action == .delete)
        #expect(try kind("GET", "/v2/").repository == nil)
        #expect(try kind("GET", "/v2/_catalog").repository == nil)
        #expect(try kind("GET", "/base/v2/a/tags/list").repository == "a")
    }

    @Test func `no print of a credential shows its secret`() {
        for credential in [Credential.password(user: "me", secret: "s3cret"), .identity(token: "s3cret"), .bearer(token: "s3cret")] {
            var dumped = ""
            dump(credential, to: &dumped)
            dump([credential], to: &dumped)
            dumped += "\(credential) \(String(reflecting: credential)) \([credential]) \(Optional(credential) as Any)"
            #expect(!dumped.contains("s3cret"), "\(dumped)")
        }
        #expect(Credential(user: "<token>", secret: "t") == .identity(token: "t"))
    }
}
