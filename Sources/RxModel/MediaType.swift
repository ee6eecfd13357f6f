/// The media types and annotation keys that rx writes. Source: Specs/03-manifest; OCI image spec v1.1.
public enum MediaType {
    public static let imageManifest = "application/vnd.oci.image.manifest.v1+json"
    public static let emptyConfig = "application/vnd.oci.empty.v1+json"
    public static let resource = "application/vnd.rx.resource.v1"
    public static let file = "application/vnd.rx.file.v1"
}

/// The annotation keys of a resource's manifest and layers.
public enum Annotation {
    public static let definition = "dev.rx.definition"
    public static let tree = "dev.rx.tree"
    public static let executable = "dev.rx.executable"
    public static let symlink = "dev.rx.symlink"
    public static let title = "org.opencontainers.image.title"
    static let version = "org.opencontainers.image.version"
    static let description = "org.opencontainers.image.description"
    static let authors = "org.opencontainers.image.authors"
    static let licenses = "org.opencontainers.image.licenses"
    static let source = "org.opencontainers.image.source"
}
