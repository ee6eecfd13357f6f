import RxCrypto
public import RxModel

/// A manifest of any kind, ready to be committed: its exact bytes and what the catalog keeps beside them. Source: Specs/05-store.
public struct Artifact: Sendable {
    /// The exact bytes.
    public let bytes: [UInt8]
    /// Their SHA-256.
    public let digest: Digest
    /// The media type that they are answered with.
    public let mediaType: String
    /// The kind of artifact; nil for an index that does not say.
    public let artifactType: String?
    /// The tree digest of a resource with one layer a file; nil for everything else.
    public let tree: Digest?
    /// The sum of the files' sizes, or of what a foreign artifact names.
    public let size: Int
    /// The number of files, layers or manifests.
    public let fileCount: Int
    /// What it says of itself; made from the annotations for a foreign artifact.
    public let definition: Definition
    /// The blobs that must be there, with their lengths.
    public let blobs: [ContentDigest: Int]
    /// Blobs whose bytes are written into the manifest.
    let inlined: [ContentDigest: [UInt8]]
    /// The manifests that an index lists, with their lengths.
    public let manifests: [ContentDigest: Int]
    /// The manifest that it refers to.
    public let subject: ContentDigest?

    /// The modules that it provides: none when it is no resource.
    public var provides: Provides { tree == nil ? Provides() : definition.provides }

    /// A resource in its canonical bytes.
    public init(_ resource: ResourceManifest) { self.init(resource, bytes: resource.bytes) }

    /// A resource in bytes that it was read from by `ResourceManifest.scanned`.
    package init(_ resource: ResourceManifest, bytes: [UInt8]) {
        self.bytes = bytes
        digest = sha256(bytes)
        mediaType = MediaType.imageManifest
        artifactType = MediaType.resource
        tree = resource.tree
        size = resource.size
        fileCount = resource.files.count
        definition = resource.definition
        let named = resource.blobs
        var blobs = [ContentDigest: Int](minimumCapacity: named.count)
        for (digest, size) in named { blobs[.sha256(digest)] = size }
        self.blobs = blobs
        inlined = [:]
        manifests = [:]
        subject = nil
    }

    /// What was pushed into `repository` as `mediaType`, or as what the bytes say themselves when that is nil.
    ///
    /// Throws `ManifestError` for what is no manifest.
    public init(parsing bytes: [UInt8], mediaType: String?, repository: String) throws(ManifestError) {
        try self.init(ArtifactManifest(parsing: bytes, mediaType: mediaType), bytes: bytes, repository: repository)
    }

    /// The same for a manifest that was read already from these bytes.
    public init(_ manifest: ArtifactManifest, bytes: [UInt8], repository: String) throws(ManifestError) {
        self.bytes = bytes
        digest = sha256(bytes)
        self.mediaType = manifest.mediaType
        artifactType = manifest.artifactType
        subject = manifest.subject?.digest
        manifests = try Artifact.sizes(manifest.manifests.filter { !$0.isForeign })
        blobs = try Artifact.sizes(manifest.blobs)
        var inlined: [ContentDigest: [UInt8]] = [:]
        for blob in manifest.blobs {
            guard let text = blob.data else { continue }
            guard let data = Base64.decode(text), data.count == blob.size, blob.digest.names(data) else {
                throw ManifestError("the data of \(blob.digest) does not have its digest and size")
            }
            inlined[blob.digest] = data
        }
        self.inlined = inlined
        // A layer that may be absent is not checked, so it can be no file: it could name another repository's blob.
        let blobs = self.blobs
        if let resource = Artifact.resource(bytes, manifest), resource.files.allSatisfy({ blobs[.sha256($0.digest)] == $0.size }) {
            tree = resource.tree
            size = resource.size
            fileCount = resource.files.count
            definition = resource.definition
        } else {
            tree = nil
            size = manifest.size
            fileCount = manifest.isIndex ? manifest.manifests.count : manifest.layers.count
            definition = Definition.foreign(manifest, repository: repository)
        }
    }

    private static func sizes(_ descriptors: [Descriptor]) throws(ManifestError) -> [ContentDigest: Int] {
        var sizes = [ContentDigest: Int](minimumCapacity: descriptors.count)
        for each in descriptors {
            guard sizes.updateValue(each.size, forKey: each.digest) ?? each.size == each.size else {
                throw ManifestError("manifest gives \(each.digest) two sizes")
            }
        }
        return sizes
    }

    /// The resource that a manifest is; nil for a foreign one, and for one that only claims to be a resource.
    private static func resource(_ bytes: [UInt8], _ manifest: ArtifactManifest) -> ResourceManifest? {
        guard manifest.artifactType == MediaType.resource, manifest.mediaType == MediaType.imageManifest,
            let resource = try? ResourceManifest(parsing: bytes), resource.tree == treeDigest(resource.files)
        else { return nil }
        return resource
    }
}
