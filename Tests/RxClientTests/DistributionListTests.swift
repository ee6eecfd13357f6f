import RxHTTP
import RxModel
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Lists of a registry` {
    @Test func `tags come page by page, by relative and absolute links`() throws {
        let server = WireServer { request in
            switch request.target {
            case "/v2/team/a/tags/list?n=1000":
                WireServer.Answer(200, ["Link": "</v2/team/a/tags/list?last=b&n=2>; rel=\"next\""], #"{"tags":["a","b"]}"#.utf8)
            case "/v2/team/a/tags/list?last=b&n=2":
                WireServer.Answer(200, ["Link": "<http://inner.example/v2/team/a/tags/list?last=c>; rel=next"], #"{"tags":["c"]}"#.utf8)
            case "/v2/team/a/tags/list?last=c": WireServer.Answer(200, [:], #"{"tags":null}"#.utf8)
            case "/v2/loop/tags/list?n=1000": WireServer.Answer(200, ["Link": "<?n=1000>; rel=next"], #"{"tags":["a"]}"#.utf8)
            case "/v2/odd/tags/list?n=1000": WireServer.Answer(200, [:], "<html>".utf8)
            default: .error(404, "NAME_UNKNOWN", "repository name not known to registry")
            }
        }
        let client = try server.client()
        #expect(try client.tags(of: "team/a") == ["a", "b", "c"])
        #expect(registryError { try client.tags(of: "loop") }?.message.hasSuffix("its pages do not end") == true)
        #expect(registryError { try client.tags(of: "odd") }?.code.wire == "INVALID_ANSWER")
        let missing = registryError { try client.tags(of: "none") }
        #expect(missing?.message == "Repository not found: 127.0.0.1:\(server.port)/none" && missing?.code == .nameUnknown)
        #expect(registryError { try server.client { $0.names = 1 }.tags(of: "team/a") }?.message.contains("more than 1 names") == true)
    }

    @Test func `repositories come up to the limit, below a path too`() throws {
        let server = WireServer { request in
            request.target.hasPrefix("/hub/v2/_catalog?n=3")
                ? WireServer.Answer(200, ["Link": "</hub/v2/_catalog?n=3&last=c>; rel=\"next\""], #"{"repositories":["a","b","c"]}"#.utf8)
                : WireServer.Answer(405)
        }
        #expect(try server.client(base: "/hub").repositories(limit: 3) == ["a", "b", "c"])
        #expect(try server.client().repositories(limit: 0) == [])
        let error = registryError { try server.client().repositories(limit: 5) }
        #expect(error?.code == .unsupported && error?.message == "\(server.url()) does not list its repositories")
    }

    @Test func `pages without end end, and names that no registry takes are left out`() throws {
        var pages = Pages("/v2/a/tags/list")
        var count = 0
        while pages.advance("/v2/a/tags/list?last=\(count)", base: "") { count += 1 }
        #expect(count < 10_000)
        let long = String(repeating: "a", count: 256)
        let server = WireServer { _ in WireServer.Answer(200, [:], #"{"repositories":["a","\#(long)",1,null]}"#.utf8) }
        #expect(try server.client().repositories(limit: 5) == ["a"])
    }

    @Test func `referrers come from the registry, filtered by whom ever`() throws {
        let (one, other) = (artifact(blob(1).descriptor, type: "x/one"), artifact(blob(2).descriptor, type: "x/other"))
        func entry(_ artifact: StoredArtifact, _ type: String) -> JSON {
            Descriptor(mediaType: artifact.mediaType, digest: .sha256(artifact.digest), size: artifact.bytes.count, artifactType: type).json
        }
        let list = JSON.members([
            "schemaVersion": 2, "manifests": .array([entry(one, "x/one"), entry(other, "x/other"), entry(one, "x/one")]),
        ])
        let server = WireServer { _ in WireServer.Answer(200, ["Content-Type": MediaType.imageIndex], list.canonical) }
        let client = try server.client()
        #expect(try client.referrers("a", of: .sha256(sha256Empty)).map(\.artifactType) == ["x/one", "x/other"])
        #expect(try client.referrers("a", of: .sha256(sha256Empty), artifactType: "x/other").map(\.digest) == [.sha256(other.digest)])
        #expect(server.asked.last == "GET /v2/a/referrers/\(sha256Empty)?artifactType=x%2Fother")
    }

    @Test func `a registry without referrers has their list under a tag, and keeps what it does not know of it`() throws {
        let subject = descriptor(artifact(blob(1).descriptor))
        let referrer = artifact(blob(2).descriptor, subject: subject)
        let tag = subject.digest.referrersTag
        let stored = Shared<[String: [UInt8]]>([:])
        let server = WireServer { request in
            guard request.target.hasPrefix("/v2/a/manifests/") else { return .error(404, "NOT_FOUND", "page not found") }
            let name = String(request.target.dropFirst("/v2/a/manifests/".count))
            switch request.method {
            case "PUT":
                let body = request.body()
                stored.change { $0[name] = body }
                return WireServer.Answer(201, ["Location": request.target])
            case "DELETE":
                stored.change { $0[name] = nil }
                return WireServer.Answer(202)
            default:
                guard let bytes = stored.value[name] else { return .error(404, "MANIFEST_UNKNOWN") }
                let type = name == tag ? MediaType.imageIndex : MediaType.imageManifest
                return WireServer.Answer(200, ["Content-Type": type], bytes)
            }
        }
        let client = try server.client()
        #expect(try client.referrers("a", of: subject.digest) == [])
        for _ in 1...2 { try client.put(referrer, in: "a", tag: nil) }
        let found = try client.referrers("a", of: subject.digest)
        #expect(found.map(\.digest) == [.sha256(referrer.digest)], "put twice, listed once")
        #expect(found.first?.artifactType == "application/vnd.test.v1" && found.first?.annotations == ["test": "yes"])

        let index = try #require(stored.value[tag].flatMap { try? JSON(parsing: $0).object })
        stored.change { $0[tag] = JSON.object(index.merging(["own": "kept"]) { $1 }).canonical }
        try client.delete("a", .digest(.sha256(referrer.digest)))
        #expect(try client.referrers("a", of: subject.digest) == [])
        #expect(String(decoding: stored.value[tag] ?? [], as: UTF8.self).contains(#""own":"kept""#))

        stored.change { $0[tag] = Array("{}".utf8) }
        let error = registryError { try client.put(referrer, in: "a", tag: "x") }
        #expect(error?.code == .manifestInvalid && error?.message.contains("keeps something else under a:\(tag)") == true)
    }

    @Test func `a registry that knows subjects is not given a list`() throws {
        let referrer = artifact(blob(2).descriptor, subject: descriptor(artifact(blob(1).descriptor)))
        let server = WireServer { request in
            _ = request.body()
            return WireServer.Answer(
                201, ["OCI-Subject": "x", "Docker-Content-Digest": request.target.hasSuffix("bad") ? "\(sha256Empty)" : ""])
        }
        try server.client().put(referrer, in: "a", tag: "1")
        #expect(server.asked == ["PUT /v2/a/manifests/1"])
        #expect(throws: ContentError.self) { try server.client().put(referrer, in: "a", tag: "bad") }
    }

    @Test func `what cannot be deleted is said so`() throws {
        let server = WireServer { request in
            request.target.hasSuffix("none") ? .error(404, "MANIFEST_UNKNOWN") : .error(405, "UNSUPPORTED", "The operation is unsupported.")
        }
        #expect(
            registryError { try server.client().delete("a", .tag("none")) }?.message
                == "Resource not found: 127.0.0.1:\(server.port)/a:none")
        let error = registryError { try server.client().delete("a", .tag("x")) }
        #expect(error?.message == "\(server.url()) refused to delete a:x: The operation is unsupported.")
        #expect(error?.hint == "the registry may not allow that anything is deleted")
    }
}
