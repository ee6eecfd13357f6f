/// A manifest of any kind, as far as a registry reads it: an image or artifact manifest, or an index of manifests, of OCI or Docker.
///
/// The exact bytes are what is stored and answered; this is what they name. Source: OCI image spec v1.1, "Image Manifest" and
/// "Image Index"; Docker image manifest version 2, schema 2.
public struct ArtifactManifest: Sendable, Equatable {
    /// The media type, as it was pushed.
    public let mediaType: String
    /// The kind of artifact: the member `artifactType`, else, for a manifest, its config's media type. Source: OCI distribution spec
    /// v1.1, "Listing Referrers".
    public let artifactType: String?
    /// The config of a manifest; nil for an index.
    public let config: Descriptor?
    /// The layers of a manifest, in order.
    public let layers: [Descriptor]
    /// The manifests of an index, in order.
    public let manifests: [Descriptor]
    /// The manifest that this one refers to; it need not be there.
    public let subject: Descriptor?
    /// Texts by key.
    public let annotations: [String: String]

    /// Whether it lists other manifests.
    public var isIndex: Bool { config == nil }

    /// Reads a manifest that was sent as `mediaType`, or when that is nil as what it says itself, else by its members.
    ///
    /// Throws `ManifestError` for what is not JSON, of a kind that is not known, or lacks what its kind must have.
    public init(parsing bytes: [UInt8], mediaType sent: String?) throws(ManifestError) {
        let scanned = ManifestScanner.scan(bytes)
        let json: JSON
        do { json = try scanned?.json ?? JSON(parsing: bytes) } catch { throw ManifestError("manifest is not JSON: \(error)") }
        guard json.object != nil else { throw ManifestError("manifest is not an object") }
        guard json["schemaVersion"]?.int == 2 else { throw ManifestError("manifest has no schemaVersion 2") }
        let own = json["mediaType"]?.string
        let guessed =
            json["manifests"] != nil ? MediaType.imageIndex : json["config"] != nil ? MediaType.imageManifest : nil
        guard let mediaType = sent ?? own ?? guessed else {
            throw ManifestError("manifest has no media type, in its header or itself")
        }
        guard own == nil || own == mediaType else {
            throw ManifestError("manifest was sent as \(mediaType) and says \(own ?? "") itself")
        }
        self.mediaType = mediaType
        annotations = try Descriptor.annotations(json, in: "manifest")
        subject = if let subject = json["subject"], subject != .null { try Descriptor(json: subject, in: "subject") } else { nil }
        let artifactType = json["artifactType"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        if MediaType.manifests.contains(mediaType) {
            guard let config = json["config"] else { throw ManifestError("manifest has no config") }
            guard json["manifests"] == nil else { throw ManifestError("manifest has the member of an index: manifests") }
            let own = try Descriptor(json: config, in: "config")
            self.config = own
            layers = if let scanned { scanned.files.map { Descriptor($0) } } else { try ArtifactManifest.list("layers", json) }
            manifests = []
            self.artifactType = artifactType ?? own.mediaType
        } else if MediaType.indexes.contains(mediaType) {
            guard json["manifests"]?.array != nil else { throw ManifestError("index has no list of manifests") }
            guard json["layers"] == nil, json["config"] == nil else { throw ManifestError("index has a member of a manifest") }
            config = nil
            layers = []
            manifests = try ArtifactManifest.list("manifests", json)
            self.artifactType = artifactType
        } else {
            throw ManifestError("manifest has a media type that is not known: \(mediaType)")
        }
    }

    /// The blobs that must be there before the manifest may be: config and layers, without those that are kept elsewhere.
    public var blobs: [Descriptor] { ((config.map { [$0] } ?? []) + layers).filter { !$0.isForeign } }

    /// The sum of the sizes of what it names.
    public var size: Int {
        (layers + manifests + (config.map { [$0] } ?? [])).totalSize
    }

    private static func list(_ key: String, _ json: JSON) throws(ManifestError) -> [Descriptor] {
        guard let value = json[key], value != .null else { return [] }
        guard let elements = value.array else { throw ManifestError("\(key) is not an array") }
        var list: [Descriptor] = []
        list.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() { list.append(try Descriptor(json: element, in: "\(key)[\(index)]")) }
        return list
    }
}
