import RxCrypto
import RxModel
import RxStore

/// A manifest that is to be committed, and what it names. Source: Specs/12-transfer, XFR-021.
struct CommitContent {
    /// What a manifest names at one of its positions.
    struct Part {
        let name: ContentDigest
        let size: Int
        /// Whether it may be kept elsewhere, and need not be in the registry.
        var isForeign = false
        /// Whether its bytes are written into the manifest, and need not be sent.
        var isInlined = false
    }

    /// The manifest's exact bytes.
    let bytes: [UInt8]
    /// What the positions of a transfer mean: the config, and the layers in order.
    let parts: [Part]
    private let form: Form

    private enum Form {
        case resource(ResourceManifest)
        case foreign(ArtifactManifest)
    }

    /// Reads a manifest, and one in the very form of resources without making a descriptor of each file. Throws `ManifestError` for what is no
    /// manifest, and `RegistryError` for an index.
    init(_ bytes: [UInt8], _ digest: Digest) throws {
        self.bytes = bytes
        if let resource = ResourceManifest.scanned(bytes), resource.tree == treeDigest(resource.files) {
            let config = Part(name: .sha256(ResourceManifest.emptyConfigDigest), size: ResourceManifest.emptyConfig.count)
            parts = [config] + resource.files.lazy.map { Part(name: .sha256($0.digest), size: $0.size) }
            form = .resource(resource)
            return
        }
        let manifest = try ArtifactManifest(parsing: bytes, mediaType: nil)
        guard !manifest.isIndex else {
            throw RegistryError(
                "\(digest) is an index, and only a manifest can be committed so", code: .invalidManifest,
                hint: "put it through /v2/, after the manifests that it lists")
        }
        parts = manifest.positions.map { Part(name: $0.digest, size: $0.size, isForeign: $0.isForeign, isInlined: $0.data != nil) }
        form = .foreign(manifest)
    }

    /// The manifest as the store takes it. Throws `ManifestError`.
    func artifact(in repository: String) throws -> Artifact {
        switch form {
        case .resource(let resource): Artifact(resource, bytes: bytes)
        case .foreign(let manifest): try Artifact(manifest, bytes: bytes, repository: repository)
        }
    }
}

extension ArtifactManifest {
    /// What the positions of a transfer mean: the config, and the layers in order.
    var positions: [Descriptor] { (config.map { [$0] } ?? []) + layers }
}
