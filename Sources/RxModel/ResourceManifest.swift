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
        let isSorted = zip(files, files.dropFirst()).allSatisfy { $0.path < $1.path }
        self.files = isSorted ? files : files.sorted { $0.path < $1.path }
        self.tree = tree
        try ResourceManifest.checkSizes(self.files)
        try ResourceManifest.check(self.files)
    }

    /// Another artifact's files under its own definition, checked already; it may have none, and its bytes are not the artifact's.
    package init(unchecked definition: Definition, files: [ResourceFile], tree: Digest) {
        self.definition = definition
        self.files = files.sorted { $0.path < $1.path }
        self.tree = tree
    }

    /// The sum of the files' sizes in bytes.
    public var size: Int { files.reduce(0) { $0 + $1.size } }

    /// Every blob the manifest names, with its length: the config and the files.
    public var blobs: [Digest: Int] {
        var blobs = [Digest: Int](minimumCapacity: files.count + 1)
        blobs[ResourceManifest.emptyConfigDigest] = ResourceManifest.emptyConfig.count
        for file in files { blobs[file.digest] = file.size }
        return blobs
    }

    private static func checkSizes(_ files: [ResourceFile]) throws(ContentError) {
        var sizes = [Digest: Int](minimumCapacity: files.count)
        var total = 0
        for file in files {
            guard sizes.updateValue(file.size, forKey: file.digest) ?? file.size == file.size else {
                throw ContentError("two layers give one digest different sizes")
            }
            let sum = total.addingReportingOverflow(file.size)
            guard !sum.overflow else { throw ContentError("the sizes of the layers are too large") }
            total = sum.partialValue
        }
    }

    /// Throws `ContentError` for a path used twice, a file where another path has a folder, or a symlink that leaves the root.
    package static func check(_ files: [ResourceFile]) throws(ContentError) {
        if !isTree(sorted: files) { try checkTree(files: files.map(\.path)) }
        try SymlinkRule(files).check()
    }

    /// Whether files that are sorted are a tree beyond doubt: each path once, and none of them a folder of another.
    private static func isTree(sorted files: [ResourceFile]) -> Bool {
        guard zip(files, files.dropFirst()).allSatisfy({ $0.path < $1.path }) else { return false }
        let paths = Set(files.map(\.path))
        var last: FilePath?
        for file in files where file.path.parent != last {
            last = file.path.parent
            var at = last
            while let folder = at {
                if paths.contains(folder) { return false }
                at = folder.parent
            }
        }
        return true
    }

    /// The rules for paths alone; `folders` are those that are named themselves.
    ///
    /// In the order that puts `/` before every other byte, what is below a path comes right after it.
    package static func checkTree(files: [FilePath], folders: [FilePath] = []) throws(ContentError) {
        let all = (files.map { ($0, true) } + folders.map { ($0, false) }).sorted { a, b in
            a.0.text.utf8.lexicographicallyPrecedes(b.0.text.utf8) { slashFirst($0) < slashFirst($1) }
        }
        for ((path, isFile), (next, isNextFile)) in zip(all, all.dropFirst()) {
            if path == next {
                guard !isFile, !isNextFile else { throw ContentError("entry \(FilePath.quoted(path.text)): the name appears twice") }
            } else if isFile, next.text.utf8.starts(with: (path.text + "/").utf8) {
                throw ContentError("entry \(FilePath.quoted(next.text)): \(FilePath.quoted(path.text)) is a file, not a folder")
            }
        }
    }

    private static let separator = UInt8(ascii: "/")

    private static func slashFirst(_ byte: UInt8) -> UInt8 { byte == separator ? 0 : byte }
}
