public import RxModel

/// The paths of a registry's HTTP interface. Source: Specs/06-http.
public enum Route {
    /// What every call of version 1 begins with.
    public static let api = "/api/v1"
    /// Says that the server answers.
    public static let health = "/api/v1/health"
    /// The same for load balancers, outside the API.
    public static let healthz = "/healthz"
    /// Takes a resource.
    public static let publish = "/api/v1/publish"
    /// Finds resources.
    public static let search = "/api/v1/search"
    /// Says which APIs this host serves.
    public static let wellKnown = "/.well-known/resourcex"
    /// Takes many blobs in one stream, and with a locator commits a manifest that names them. Source: Specs/12-transfer.
    public static let blobs = "/api/v1/blobs"
    /// Says which of many blobs a registry does not have.
    public static let blobsMissing = "/api/v1/blobs/missing"
    /// Gives many blobs in one stream.
    public static let blobsFetch = "/api/v1/blobs/fetch"
    /// What a resource's own path begins with.
    public static let resourcePrefix = "/api/v1/resource/"
    /// What the path of a resource's archive begins with.
    public static let contentPrefix = "/api/v1/content/"

    /// What the path of a file of a resource begins with.
    public static let rawPrefix = "/r/"
    /// What the path of the list of who provides a module begins with.
    public static let providesPrefix = "/api/v1/provides/"

    /// Takes a blob that is made from others of its repository.
    public static let chunks = "/api/v1/chunks"
    /// Says which chunks of a blob the registry has.
    public static let chunksMissing = "/api/v1/chunks/missing"
    /// What the path of a blob's chunk index begins with.
    public static let chunkIndexPrefix = "/api/v1/chunks/sha256:"

    /// The path and query of a call about a blob of a repository and its chunks.
    public static func chunks(_ path: String, repository: String, blob: Digest, size: Int, title: String? = nil) -> String {
        let title = title.map { "&title=\(PercentEncoding.encode($0))" } ?? ""
        return "\(path)?repository=\(PercentEncoding.encode(repository))&digest=\(blob)&size=\(size)\(title)"
    }

    /// The path and query of a blob's chunk index.
    public static func chunkIndex(_ blob: Digest, repository: String) -> String {
        "\(chunkIndexPrefix)\(blob.hex)?repository=\(PercentEncoding.encode(repository))"
    }

    /// The path of a resource's metadata. The registry part of the locator is left out.
    public static func resource(_ locator: Locator) -> String { resourcePrefix + segment(locator) }

    /// The path of a resource's metadata with its files and exact definition.
    public static func resourceWithFiles(_ locator: Locator) -> String { resource(locator) + "?files=true" }

    /// The same, its files and definition as the bytes of its manifest where the registry can give these. Source: Specs/12-transfer, XFR-120.
    public static func resourceWithManifest(_ locator: Locator) -> String { resourceWithFiles(locator) + "&manifest=true" }

    /// The path of a resource's archive. The registry part of the locator is left out.
    public static func content(_ locator: Locator) -> String { contentPrefix + segment(locator) }

    /// The path of the list of the resources that provide a module.
    public static func provides(_ module: ModuleName) -> String {
        "\(providesPrefix)\(module.language)/\(PercentEncoding.encode(module.name))"
    }

    /// The path and query that a stream of blobs for a repository goes to.
    public static func blobs(repository: String) -> String { "\(blobs)?repository=\(PercentEncoding.encode(repository))" }

    /// The path and query that a stream of blobs goes to when it ends with a commit: the manifest becomes visible under the locator.
    public static func blobs(commit manifest: Digest, as locator: Locator) -> String {
        "\(blobs)?locator=\(segment(locator))&manifest=\(PercentEncoding.encode(manifest.description))"
    }

    /// The path and query of a search.
    public static func search(_ text: String, limit: Int, offset: Int) -> String {
        "\(search)?q=\(PercentEncoding.encode(text))&limit=\(limit)&offset=\(offset)"
    }

    /// A locator as one path segment.
    private static func segment(_ locator: Locator) -> String { PercentEncoding.encode(locator.at(registry: nil).description) }
}

/// The names of the parts that a publish is made of (multipart/form-data, RFC 7578), in any order.
public enum PublishPart {
    /// The locator, as text.
    public static let locator = "locator"
    /// The definition, as a file with JSON.
    public static let manifest = "manifest"
    /// The content, as a file with a tar.gz archive.
    public static let content = "content"
}
