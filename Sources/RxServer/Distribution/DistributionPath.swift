import RxModel

/// What a path beneath `/v2/` names, found from its end, so that a repository may have parts named like the interface's own words.
///
/// Source: Specs/11-distribution, OCI-018 and OCI-019; OCI distribution spec v1.1, "Endpoints".
enum DistributionPath: Equatable {
    case base
    case catalog
    case tags(repository: String)
    case manifest(repository: String, reference: String)
    case blob(repository: String, digest: String)
    case uploads(repository: String)
    case upload(repository: String, name: String)
    case referrers(repository: String, digest: String)

    /// What every path of the interface begins with.
    static let prefix = "/v2"

    /// Whether a path, as it was sent, is the interface's.
    static func covers(_ path: String) -> Bool {
        path.utf8.starts(with: prefix.utf8)
            && (path.utf8.count == prefix.utf8.count || path.utf8.dropFirst(prefix.utf8.count).first == slash)
    }

    /// Reads a path as it was sent; nil for one that names nothing.
    init?(_ path: String) {
        guard DistributionPath.covers(path), let decoded = PercentEncoding.decode(path) else { return nil }
        let rest = decoded.utf8.dropFirst(DistributionPath.prefix.utf8.count)
        guard rest.count > 1 else {
            self = .base
            return
        }
        var parts = rest.dropFirst().split(separator: DistributionPath.slash, omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        if parts == ["_catalog"] {
            self = .catalog
            return
        }
        guard let last = parts.popLast(), let kind = parts.popLast(), !parts.isEmpty else { return nil }
        func repository(_ parts: [String]) -> String? {
            parts.isEmpty || parts == [""] ? nil : parts.joined(separator: "/")
        }
        switch (kind, last) {
        case ("uploads", _) where parts.last == "blobs":
            guard let repository = repository(parts.dropLast()) else { return nil }
            self = last.isEmpty ? .uploads(repository: repository) : .upload(repository: repository, name: last)
        case (_, ""): return nil
        case ("blobs", "uploads"):
            guard let repository = repository(parts) else { return nil }
            self = .uploads(repository: repository)
        case ("blobs", _), ("manifests", _), ("referrers", _), ("tags", "list"):
            guard let repository = repository(parts) else { return nil }
            switch kind {
            case "blobs": self = .blob(repository: repository, digest: last)
            case "manifests": self = .manifest(repository: repository, reference: last)
            case "referrers": self = .referrers(repository: repository, digest: last)
            default: self = .tags(repository: repository)
            }
        default: return nil
        }
    }

    private static let slash = UInt8(ascii: "/")
}

/// The texts that a client may name things by.
enum DistributionName {
    /// The longest name of a repository that is taken, in bytes. Source: OCI distribution spec v1.1, "Pulling manifests".
    static let lengthLimit = 255

    /// Checks the name of a repository that is written to. Throws `RegistryError` (`nameInvalid`).
    static func checkWritable(_ repository: String) throws(RegistryError) {
        guard repository.utf8.count <= lengthLimit, RepositoryGrammar.isName(repository) else {
            throw RegistryError(
                "\"\(repository)\" is no name of a repository", code: .nameInvalid,
                hint: "use lower-case letters, digits, and one '.', '_', '__' or any '-' between them, in parts separated by '/'")
        }
    }

    /// A manifest's tag or digest; nil for a text that is neither, which nothing is stored under. Throws `RegistryError`
    /// (`digestInvalid`) for a digest that is malformed.
    static func reference(_ text: String) throws(RegistryError) -> ArtifactReference {
        if text.utf8.contains(UInt8(ascii: ":")) { return try digest(text).map { .digest($0) } ?? .unknown }
        return LocatorGrammar.isTag(text) ? .tag(text) : .unknown
    }

    /// A digest; nil for one of an algorithm that is not known. Throws `RegistryError` (`digestInvalid`) for what is malformed.
    static func digest(_ text: String) throws(RegistryError) -> ContentDigest? {
        if let digest = ContentDigest(text) { return digest }
        let isKnown = text.utf8.starts(with: "sha256:".utf8) || text.utf8.starts(with: "sha512:".utf8)
        guard !isKnown, RepositoryGrammar.isDigest(text) else {
            throw RegistryError("\"\(text)\" is no digest", code: .digestInvalid, hint: "write it like sha256: and 64 hexadecimal digits")
        }
        return nil
    }

    /// A digest that something is written under. Throws `RegistryError` (`digestInvalid`).
    static func writableDigest(_ text: String) throws(RegistryError) -> ContentDigest {
        guard let digest = try digest(text) else {
            throw RegistryError("the algorithm of \"\(text)\" is not known", code: .digestInvalid, hint: "use sha256 or sha512")
        }
        return digest
    }
}

/// What a manifest is asked for by.
enum ArtifactReference: Equatable {
    case tag(String)
    case digest(ContentDigest)
    /// Neither a tag nor a digest of a known algorithm: nothing is there.
    case unknown
}
