import RxHTTP
import RxModel
import RxPosix
import RxStore

/// How long a page is and where it begins. Source: Specs/11-distribution, OCI-103 to OCI-107.
struct PageQuery {
    /// The most that one answer lists.
    static let most = 1000

    let limit: Int
    let last: String?

    /// Reads `n` and `last`. Throws `RegistryError`.
    init(_ call: Call) throws(RegistryError) {
        limit = min(try call.number("n", default: PageQuery.most, in: 0...Int.max), PageQuery.most)
        last = try call.query("last")
    }

    /// The elements of this page out of one more than fit, and the header that leads to the next page.
    func page<Element>(_ found: [Element], path: String, filter: String? = nil, name: (Element) -> String) -> (
        elements: [Element], headers: HTTPHeaders
    ) {
        let page = Array(found.prefix(limit))
        var headers = HTTPHeaders()
        if found.count > limit, let last = page.last {
            headers["Link"] = DistributionLink.next(path, last: name(last), limit: limit, filter: filter)
        }
        return (page, headers)
    }
}

/// `GET /v2/NAME/tags/list`.
struct TagsEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]
    let repository: String

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let query = try PageQuery(call)
        return context.work(call) {
            guard let found = try context.store.tags(registry: "", repository: repository, after: query.last, limit: query.limit + 1) else {
                throw RegistryError("There is no repository \(repository)", code: .nameUnknown)
            }
            let (tags, headers) = query.page(found, path: "\(DistributionLink.base(repository))/tags/list") { $0 }
            let body = JSON.members(["name": .string(repository), "tags": .array(tags.map { .string($0) })])
            return .json(200, body, headers: headers)
        }
    }
}

/// `GET /v2/_catalog`.
struct CatalogEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let query = try PageQuery(call)
        return context.work(call) {
            let found = try context.store.repositories(registry: "", after: query.last, limit: query.limit + 1)
            let (names, headers) = query.page(found, path: "\(DistributionPath.prefix)/_catalog") { $0 }
            return .json(200, .members(["repositories": .array(names.map { .string($0) })]), headers: headers)
        }
    }
}

/// `GET /v2/NAME/referrers/DIGEST`.
struct ReferrersEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]
    let repository: String
    let digest: String

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let subject = try DistributionName.digest(digest) ?? ContentDigest(ofAnyAlgorithm: digest)
        let query = try PageQuery(call)
        let type = try call.query("artifactType")
        return .work { respond in
            @Sendable func answer() -> HTTPResponse {
                do { return try list(subject, type, query, context) } catch { return context.failure(error, call) }
            }
            // A list that a client keeps may be long: it is not read on the few threads that everybody needs.
            guard let subject, isLong(subject, context) else { return respond(answer()) }
            if !context.workers.long.submit({ respond(answer()) }) { respond(context.failure(Workers.stopping, call)) }
        }
    }

    /// A list under a referrers tag with more bytes than this is long.
    private static let longBytes = 64 << 10

    private func isLong(_ subject: ContentDigest, _ context: ServerContext) -> Bool {
        let list = try? context.store.artifact(registry: "", repository: repository, name: .tag(subject.referrersTag))
        return (list?.bytes.count ?? 0) > ReferrersEndpoint.longBytes
    }

    private func list(_ subject: ContentDigest?, _ type: String?, _ query: PageQuery, _ context: ServerContext) throws -> HTTPResponse {
        let all = try subject.map { try referrers(of: $0, context) } ?? []
        let rest = all.filter { referrer in
            (type == nil || referrer.artifactType == type)
                && query.last.map { $0.utf8.lexicographicallyPrecedes(referrer.digest.description.utf8) } ?? true
        }
        let path = "\(DistributionLink.base(repository))/referrers/\(digest)"
        var (page, headers) = query.page(rest, path: path, filter: type) { $0.digest.description }
        if type != nil { headers["OCI-Filters-Applied"] = "artifactType" }
        headers["Content-Type"] = MediaType.imageIndex
        let body = JSON.members([
            "schemaVersion": 2, "mediaType": .string(MediaType.imageIndex), "manifests": .array(page.map(\.json)),
        ])
        return HTTPResponse(200, headers: headers, body: .bytes(body.canonical))
    }

    /// What refers to a manifest, by its own words or by the list that an older client keeps under a tag, in the order of the digests.
    private func referrers(of subject: ContentDigest, _ context: ServerContext) throws -> [Descriptor] {
        var found: [ContentDigest: Descriptor] = [:]
        for referrer in try context.store.referrers(registry: "", repository: repository, of: subject) { found[referrer.digest] = referrer }
        let tag = ArtifactName.tag(subject.referrersTag)
        if let list = try context.store.artifact(registry: "", repository: repository, name: tag),
            let index = try? ArtifactManifest(parsing: list.bytes, mediaType: list.mediaType)
        {
            var seen = Set(found.keys)
            for listed in index.manifests where seen.insert(listed.digest).inserted {
                let name = ArtifactName.digest(listed.digest)
                guard let stored = try context.store.artifact(registry: "", repository: repository, name: name) else { continue }
                found[listed.digest] = stored.referrer ?? listed
            }
        }
        return found.values.sorted { $0.digest.description.utf8.lexicographicallyPrecedes($1.digest.description.utf8) }
    }
}
