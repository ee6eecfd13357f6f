import RxHTTP
import RxModel

/// Finds the endpoint of a path beneath `/v2/`. Source: Specs/11-distribution.
enum DistributionRouter {
    /// The endpoint, or nil for a path that names nothing.
    static func endpoint(_ path: String) -> (any Endpoint)? {
        switch DistributionPath(path) {
        case .base: SupportEndpoint()
        case .catalog: CatalogEndpoint()
        case .tags(let repository): TagsEndpoint(repository: repository)
        case .manifest(let repository, let reference): ManifestEndpoint(repository: repository, reference: reference)
        case .blob(let repository, let digest): BlobEndpoint(repository: repository, digest: digest)
        case .uploads(let repository): UploadsEndpoint(repository: repository)
        case .upload(let repository, let name): UploadEndpoint(repository: repository, name: name)
        case .referrers(let repository, let digest): ReferrersEndpoint(repository: repository, digest: digest)
        case nil: nil
        }
    }
}

/// `GET /v2/`: says that the interface is here.
struct SupportEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) -> Reaction { .answer(.json(200, .members([:]))) }
}

/// The paths that answers point to, each absolute and without scheme and host.
enum DistributionLink {
    static func blob(_ digest: ContentDigest, in repository: String) -> String { "\(base(repository))/blobs/\(digest)" }

    static func manifest(_ reference: String, in repository: String) -> String { "\(base(repository))/manifests/\(reference)" }

    static func upload(_ name: String, in repository: String) -> String { "\(base(repository))/blobs/uploads/\(name)" }

    /// The next page of a listing. Source: RFC 8288.
    static func next(_ path: String, last: String, limit: Int, filter: String? = nil) -> String {
        let more = filter.map { "&artifactType=\(PercentEncoding.encode($0))" } ?? ""
        return "<\(path)?last=\(PercentEncoding.encode(last))&n=\(limit)\(more)>; rel=\"next\""
    }

    static func base(_ repository: String) -> String {
        let parts = repository.utf8.split(separator: UInt8(ascii: "/")).map { PercentEncoding.encode(String(Substring($0))) }
        return "\(DistributionPath.prefix)/\(parts.joined(separator: "/"))"
    }
}
