/// What a manifest says of something that it names. Source: OCI image spec v1.1, "OCI Content Descriptors".
public struct Descriptor: Sendable, Equatable {
    /// The media type of the named bytes.
    public let mediaType: String
    /// Their digest.
    public let digest: ContentDigest
    /// Their number.
    public let size: Int
    /// For a manifest: what kind of artifact it is.
    public let artifactType: String?
    /// Texts by key.
    public let annotations: [String: String]
    /// The bytes themselves, in base64, when they are written into the manifest.
    public let data: String?
    /// Whether the bytes may be kept elsewhere and need not be in the registry: it has `urls`, or a media type for such layers.
    public let isForeign: Bool
    /// For a manifest in an index: `os`, `architecture` and `variant`, joined by `-`.
    public let platform: String?

    /// Describes some bytes.
    public init(
        mediaType: String, digest: ContentDigest, size: Int, artifactType: String? = nil, annotations: [String: String] = [:],
        data: String? = nil, isForeign: Bool = false, platform: String? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.artifactType = artifactType
        self.annotations = annotations
        self.data = data
        self.isForeign = isForeign
        self.platform = platform
    }

    /// Reads a descriptor. Throws `ManifestError` for one without media type, digest or size; other members are ignored.
    public init(json: JSON, in field: String) throws(ManifestError) {
        guard let mediaType = json["mediaType"]?.string, !mediaType.isEmpty else { throw ManifestError("\(field) has no mediaType") }
        guard let text = json["digest"]?.string, let digest = ContentDigest(ofAnyAlgorithm: text) else {
            throw ManifestError("\(field) has no digest")
        }
        guard let size = json["size"]?.int, size >= 0 else { throw ManifestError("\(field) has no size") }
        self.init(
            mediaType: mediaType, digest: digest, size: size, artifactType: json["artifactType"]?.string,
            annotations: try Descriptor.annotations(json, in: field), data: json["data"]?.string,
            isForeign: json["urls"]?.array?.isEmpty == false || Descriptor.isForeign(mediaType),
            platform: json["platform"].flatMap(Descriptor.platform))
    }

    /// The layer that a file of a resource is. Source: Specs/03-manifest.
    init(_ file: ResourceFile) {
        var annotations = [Annotation.title: file.path.text]
        if file.executable { annotations[Annotation.executable] = "true" }
        if let symlink = file.symlink { annotations[Annotation.symlink] = symlink }
        self.init(mediaType: MediaType.file, digest: .sha256(file.digest), size: file.size, annotations: annotations)
    }

    /// `{mediaType, digest, size, artifactType?, annotations?}`.
    public var json: JSON {
        .members([
            "mediaType": .string(mediaType), "digest": .string(digest.description), "size": .integer(size),
            "artifactType": artifactType.map { .string($0) },
            "annotations": annotations.isEmpty ? nil : .object(annotations.mapValues { .string($0) }),
        ])
    }

    /// The path of a file that the bytes are, by the title annotation; nil when there is none.
    public var title: String? { annotations[Annotation.title] }

    static func annotations(_ json: JSON, in field: String) throws(ManifestError) -> [String: String] {
        guard let value = json["annotations"], value != .null else { return [:] }
        guard let members = value.object else { throw ManifestError("\(field) has annotations that are not an object") }
        var annotations: [String: String] = [:]
        for (key, value) in members {
            guard let text = value.string else { throw ManifestError("\(field) has an annotation that is not a text: \(key)") }
            annotations[key] = text
        }
        return annotations
    }

    private static func isForeign(_ mediaType: String) -> Bool {
        mediaType.hasPrefix("application/vnd.oci.image.layer.nondistributable.")
            || mediaType.hasPrefix("application/vnd.docker.image.rootfs.foreign.")
    }

    private static func platform(_ json: JSON) -> String? {
        guard let system = json["os"]?.string, let architecture = json["architecture"]?.string else { return nil }
        return ([system, architecture] + (json["variant"]?.string.map { [$0] } ?? [])).joined(separator: "-")
    }
}

extension Sequence<Descriptor> {
    /// The sum of the sizes, at most `Int.max`: whoever wrote the manifest may claim any.
    package var totalSize: Int {
        reduce(0) { sum, each in
            let (total, overflow) = sum.addingReportingOverflow(each.size)
            return overflow ? .max : total
        }
    }
}
