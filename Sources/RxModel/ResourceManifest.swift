/// A resource as an OCI image manifest: its definition and one layer a file (RXM).
///
/// The bytes are a pure function of definition, files and tree digest, so every store names the same content alike.
/// Source: Specs/03-manifest; OCI image spec v1.1, "Image Manifest".
public struct ResourceManifest: Sendable, Equatable {
    /// The empty config object that every resource's manifest names: the bytes `{}`.
    public static let emptyConfig = Array("{}".utf8)
    /// The digest of `emptyConfig`. Source: OCI image spec v1.1, "Guidance for an Empty Descriptor".
    public static let emptyConfigDigest = Digest(hex: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")!

    /// What the resource says of itself.
    public let definition: Definition
    /// Its files, sorted by path.
    public let files: [ResourceFile]
    /// The tree digest of `files`.
    public let tree: Digest

    /// Describes a resource. Throws `ContentError` for no file, a path used twice, a file where another path has a folder, or a
    /// symlink that leaves the root.
    public init(definition: Definition, files: [ResourceFile], tree: Digest) throws(ContentError) {
        guard !files.isEmpty else { throw ContentError("a resource needs at least one file", code: .contentRequired) }
        self.definition = definition
        self.files = files.sorted { $0.path < $1.path }
        self.tree = tree
        try ResourceManifest.checkPaths(self.files)
        try SymlinkRule(self.files).check()
    }

    /// The sum of the files' sizes in bytes.
    public var size: Int { files.reduce(0) { $0 + $1.size } }

    /// Every blob the manifest names, with its length: the config and the files.
    public var blobs: [Digest: Int] {
        var blobs = [ResourceManifest.emptyConfigDigest: ResourceManifest.emptyConfig.count]
        for file in files { blobs[file.digest] = file.size }
        return blobs
    }

    private static func checkPaths(_ files: [ResourceFile]) throws(ContentError) {
        var seen = Set<FilePath>(minimumCapacity: files.count)
        for file in files {
            guard seen.insert(file.path).inserted else { throw ContentError("entry \(FilePath.quoted(file.path.text)): the name appears twice") }
        }
        var folders = Set<FilePath>()
        for file in files {
            var folder = file.path.parent
            while let each = folder, folders.insert(each).inserted {
                guard !seen.contains(each) else {
                    throw ContentError("entry \(FilePath.quoted(file.path.text)): \(FilePath.quoted(each.text)) is a file, not a folder")
                }
                folder = each.parent
            }
        }
    }
}
