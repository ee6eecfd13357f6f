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
}

/// The annotation keys of a resource's manifest and layers.
public enum Annotation {
    /// The definition as canonical JSON.
    public static let definition = "dev.rx.definition"
    /// The tree digest.
    public static let tree = "dev.rx.tree"
    /// `true` on the layer of a file that its owner may execute.
    public static let executable = "dev.rx.executable"
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
