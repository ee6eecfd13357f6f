import RxModel
import RxStore

/// The paths of the protocol. Source: OCI distribution spec v1.1, "Endpoints".
enum DistributionPath {
    static func manifest(_ repository: String, _ name: ArtifactName) -> String { "\(base(repository))/manifests/\(name.text)" }

    static func blob(_ repository: String, _ digest: ContentDigest) -> String { "\(base(repository))/blobs/\(digest)" }

    /// Where an upload begins; a registry must be told of another algorithm than SHA-256.
    static func uploads(_ repository: String, _ digest: ContentDigest) -> String {
        "\(base(repository))/blobs/uploads/\(digest.sha256 == nil ? "?digest-algorithm=sha512" : "")"
    }

    static func mount(_ repository: String, _ digest: ContentDigest, from source: String) -> String {
        "\(base(repository))/blobs/uploads/?mount=\(digest)&from=\(PercentEncoding.encode(source))"
    }

    static func tags(_ repository: String, count: Int) -> String { "\(base(repository))/tags/list?n=\(count)" }

    static func catalog(count: Int) -> String { "/v2/_catalog?n=\(count)" }

    static func referrers(_ repository: String, _ digest: ContentDigest, artifactType: String?) -> String {
        let filter = artifactType.map { "?artifactType=\(PercentEncoding.encode($0))" } ?? ""
        return "\(base(repository))/referrers/\(digest)\(filter)"
    }

    private static func base(_ repository: String) -> String { "/v2/\(PercentEncoding.encode(repository, keeping: "/"))" }
}

extension ArtifactName {
    /// A tag, or `algorithm:digits`, as a path writes it.
    var text: String {
        switch self {
        case .tag(let tag): PercentEncoding.encode(tag)
        case .digest(let digest): digest.description
        }
    }

    /// What follows the repository in words for people: `:tag` or `@digest`.
    var suffix: String {
        switch self {
        case .tag(let tag): ":\(tag)"
        case .digest(let digest): "@\(digest)"
        }
    }
}

/// The names that every registry takes for a repository.
enum DistributionName {
    /// Source: OCI distribution spec v1.1, "Pulling manifests": parts of lower-case letters and digits, joined by `.`, `_`, `__` or any
    /// number of `-`, with `/` between the parts.
    static func isPortable(_ name: String) -> Bool {
        guard name.utf8.count <= 255 else { return false }
        return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy(isPart)
    }

    private static func isPart(_ part: Substring.UTF8View) -> Bool {
        var joint: [UInt8] = []
        var hasBegun = false
        for byte in part {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard joint.isEmpty || hasBegun && isJoint(joint) else { return false }
                joint = []
                hasBegun = true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): joint.append(byte)
            default: return false
            }
        }
        return hasBegun && joint.isEmpty
    }

    private static func isJoint(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 == UInt8(ascii: "-") } || [[UInt8(ascii: ".")], Array("_".utf8), Array("__".utf8)].contains(bytes)
    }
}
