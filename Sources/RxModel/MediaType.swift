/// The media types and annotation keys that rx writes. Source: Specs/03-manifest; OCI image spec v1.1.
public enum MediaType {
    /// An OCI image manifest.
    public static let imageManifest = "application/vnd.oci.image.manifest.v1+json"
    /// The empty config object `{}`.
    public static let emptyConfig = "application/vnd.oci.empty.v1+json"
    /// The artifact type of a resource.
    public static let resource = "application/vnd.rx.resource.v1"
    /// A layer that is one file.
    public static let file = "application/vnd.rx.file.v1"
    /// The layer of a packed resource that holds its files: a tar.gz.
    public static let packedFiles = "application/vnd.rx.archive.v1.tar+gzip"
    /// The layer of a packed resource that lists its files: canonical JSON.
    public static let packedIndex = "application/vnd.rx.index.v1+json"
    /// An OCI image index.
    public static let imageIndex = "application/vnd.oci.image.index.v1+json"
    /// A Docker image manifest, version 2, schema 2.
    public static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    /// A Docker manifest list.
    public static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"

    /// Every media type of a manifest with a config and layers.
    public static let manifests: Set<String> = [imageManifest, dockerManifest]
    /// Every media type of a manifest that lists manifests.
    public static let indexes: Set<String> = [imageIndex, dockerManifestList]
}

/// The annotation keys of a resource's manifest and layers.
public enum Annotation {
    /// The definition as canonical JSON.
    public static let definition = "dev.rx.definition"
    /// The tree digest.
    public static let tree = "dev.rx.tree"
    /// `true` on the layer of a file that its owner may execute.
    public static let executable = "dev.rx.executable"
    /// On the manifest of a packed resource: the digest of the manifest with one layer a file.
    public static let manifest = "dev.rx.manifest"
    /// The target, on the layer of a symlink.
    public static let symlink = "dev.rx.symlink"
    /// On a layer: the file's path. On a manifest: the name.
    public static let title = "org.opencontainers.image.title"
    static let version = "org.opencontainers.image.version"
    static let description = "org.opencontainers.image.description"
    static let authors = "org.opencontainers.image.authors"
    static let licenses = "org.opencontainers.image.licenses"
    static let source = "org.opencontainers.image.source"
}
