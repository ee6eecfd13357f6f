/// One file of a resource: its path, its blob, and what a file system needs to make it again.
public struct ResourceFile: Hashable, Sendable {
    /// Where the file is inside the resource.
    public let path: FilePath
    /// The blob with the file's bytes; for a symlink, the blob with its target's text.
    public let digest: Digest
    /// The blob's length in bytes.
    public let size: Int
    /// Whether the owner may execute it.
    public let executable: Bool
    /// The target, when the entry is a symlink.
    public let symlink: String?

    /// Describes one file; `symlink` is the target's text for a symlink, nil for a regular file.
    public init(path: FilePath, digest: Digest, size: Int, executable: Bool = false, symlink: String? = nil) {
        self.path = path
        self.digest = digest
        self.size = size
        self.executable = executable
        self.symlink = symlink
    }
}

/// The text whose SHA-256 names a tree of files whatever its archive, name or tag.
///
/// The lines `path:sha256:<hex>`, sorted by their UTF-8 bytes, joined by newlines, no final newline. Source: Specs/03-manifest.
public func treeText(_ files: some Sequence<ResourceFile>) -> [UInt8] {
    let lines = files.map { Array("\($0.path.text):\($0.digest)".utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    return Array(lines.joined(separator: CollectionOfOne(UInt8(ascii: "\n"))))
}
