import Foundation
import RxCrypto
import RxHTTP
import RxModel
import Synchronization

/// An OCI registry in memory, at any number of hosts: each has its repositories. It has `/v2/` alone, and can be told to lie.
final class FakeDistribution: Sendable {
    struct Held: Sendable {
        var bytes: [UInt8]
        var type: String
    }

    struct Repository: Sendable {
        var blobs: [String: [UInt8]] = [:]
        var manifests: [String: Held] = [:]
        var tags: [String: String] = [:]
    }

    private let state = Mutex<[String: Repository]>([:])
    /// What was asked, such as `PUT a.test/v2/team/hello/manifests/1`, in order.
    private let log = Mutex<[String]>([])

    var asked: [String] { log.withLock { $0 } }
    /// How many blobs came as bytes.
    var uploads: Int { asked.count { $0.hasPrefix("PUT ") && $0.contains("/blobs/uploads/") } }

    /// Changes a repository, `a.test/team/hello`, behind the clients' backs.
    func change(_ name: String, _ body: (inout sending Repository) -> Void) {
        state.withLock { state in
            var repository = state[name] ?? Repository()
            body(&repository)
            state[name] = repository
        }
    }

    func repository(_ name: String) -> Repository? { state.withLock { $0[name] } }

    /// Puts a manifest under a tag; gives its digest.
    @discardableResult
    func put(_ json: JSON, _ type: String, in name: String, tag: String? = nil) -> Digest {
        let digest = sha256(json.canonical)
        change(name) { repository in
            repository.manifests[digest.description] = Held(bytes: json.canonical, type: type)
            if let tag { repository.tags[tag] = digest.description }
        }
        return digest
    }

    /// Puts a blob; gives its descriptor as a layer names it.
    func blob(_ bytes: [UInt8], _ type: String, in name: String, title: String? = nil, digest: String? = nil) -> JSON {
        let digest = digest ?? sha256(bytes).description
        change(name) { $0.blobs[digest] = bytes }
        return .members([
            "mediaType": .string(type), "digest": .string(digest), "size": .integer(bytes.count),
            "annotations": title.map { .object([Annotation.title: .string($0)]) },
        ])
    }

    /// Speaks to every host.
    var transport: RecordedTransport {
        RecordedTransport { [self] asked in
            guard let url = URLComponents(string: asked.url), let host = url.host else { return RecordedTransport.Answer(status: 400) }
            log.withLock { $0.append("\(asked.method) \(host)\(url.path)") }
            guard url.path.hasPrefix("/v2/") else {
                return RecordedTransport.Answer(status: 404, body: Array("404 page not found".utf8))
            }
            return answer(asked, host, String(url.path.dropFirst(4)), url.queryItems ?? [])
        }
    }

    private func answer(_ asked: RecordedTransport.Asked, _ host: String, _ path: String, _ query: [URLQueryItem])
        -> RecordedTransport.Answer
    {
        if path.isEmpty { return RecordedTransport.Answer() }
        if path == "_catalog" { return catalog(host) }
        let parts = path.components(separatedBy: "/")
        for (index, kind) in parts.enumerated().reversed() where ["manifests", "blobs", "tags", "referrers"].contains(kind) {
            let name = "\(host)/\(parts[..<index].joined(separator: "/"))"
            let rest = parts[(index + 1)...].joined(separator: "/")
            switch kind {
            case "manifests": return manifest(asked, name, rest)
            case "blobs" where rest.hasPrefix("uploads"): return upload(asked, host, name, path, query)
            case "blobs": return found(asked, repository(name)?.blobs[rest].map { Held(bytes: $0, type: "application/octet-stream") }, rest)
            case "tags":
                guard let repository = repository(name) else { return RecordedTransport.Answer(status: 404) }
                return .json(200, .members(["tags": .array(repository.tags.keys.sorted().map { .string($0) })]))
            default: return referrers(name, rest)
            }
        }
        return RecordedTransport.Answer(status: 404)
    }

    private func catalog(_ host: String) -> RecordedTransport.Answer {
        let names = state.withLock { $0.filter { !$0.value.manifests.isEmpty }.keys.sorted() }.filter { $0.hasPrefix(host + "/") }
        return .json(200, .members(["repositories": .array(names.map { .string(String($0.dropFirst(host.count + 1))) })]))
    }

    private func manifest(_ asked: RecordedTransport.Asked, _ name: String, _ reference: String) -> RecordedTransport.Answer {
        guard asked.method == "PUT" else {
            let repository = repository(name)
            let digest = repository?.tags[reference] ?? reference
            return found(asked, repository?.manifests[digest], digest)
        }
        let digest = sha256(asked.body).description
        let type = asked.headers["Content-Type"] ?? ""
        guard let manifest = try? ArtifactManifest(parsing: asked.body, mediaType: type) else {
            return RecordedTransport.Answer(status: 400)
        }
        let held = repository(name) ?? Repository()
        let isWhole =
            manifest.blobs.allSatisfy { held.blobs[$0.digest.description] != nil }
            && manifest.manifests.allSatisfy { held.manifests[$0.digest.description] != nil }
        guard isWhole else {
            return .json(400, .members(["errors": [.members(["code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown"])]]))
        }
        change(name) { repository in
            repository.manifests[digest] = Held(bytes: asked.body, type: type)
            if !reference.contains(":") { repository.tags[reference] = digest }
        }
        var headers: HTTPHeaders = ["Docker-Content-Digest": digest]
        if let subject = manifest.subject { headers["OCI-Subject"] = subject.digest.description }
        return RecordedTransport.Answer(status: 201, headers: headers)
    }

    private func upload(
        _ asked: RecordedTransport.Asked, _ host: String, _ name: String, _ path: String, _ query: [URLQueryItem]
    ) -> RecordedTransport.Answer {
        func value(_ key: String) -> String? { query.first { $0.name == key }?.value }
        if asked.method == "PUT", let digest = value("digest") {
            guard ContentDigest(digest)?.names(asked.body) == true else { return RecordedTransport.Answer(status: 400) }
            change(name) { $0.blobs[digest] = asked.body }
            return RecordedTransport.Answer(status: 201)
        }
        if let digest = value("mount"), let from = value("from"), let bytes = repository("\(host)/\(from)")?.blobs[digest] {
            change(name) { $0.blobs[digest] = bytes }
            return RecordedTransport.Answer(status: 201)
        }
        return RecordedTransport.Answer(status: 202, headers: ["Location": "/v2/\(path.split(separator: "?")[0])session"])
    }

    private func referrers(_ name: String, _ digest: String) -> RecordedTransport.Answer {
        let all = (repository(name)?.manifests ?? [:]).sorted { $0.key < $1.key }.compactMap { digest, held -> (ArtifactManifest, JSON)? in
            guard let manifest = try? ArtifactManifest(parsing: held.bytes, mediaType: held.type) else { return nil }
            return (
                manifest,
                .members([
                    "mediaType": .string(held.type), "digest": .string(digest), "size": .integer(held.bytes.count),
                    "artifactType": manifest.artifactType.map { .string($0) },
                ])
            )
        }
        let list = all.filter { $0.0.subject?.digest.description == digest }.map(\.1)
        return .json(
            200, .members(["schemaVersion": 2, "mediaType": .string(MediaType.imageIndex), "manifests": .array(list)]))
    }

    private func found(_ asked: RecordedTransport.Asked, _ held: Held?, _ digest: String) -> RecordedTransport.Answer {
        guard let held else { return RecordedTransport.Answer(status: 404) }
        return RecordedTransport.Answer(
            headers: ["Content-Type": held.type, "Docker-Content-Digest": digest, "Content-Length": "\(held.bytes.count)"],
            body: asked.method == "HEAD" ? [] : held.bytes)
    }
}
