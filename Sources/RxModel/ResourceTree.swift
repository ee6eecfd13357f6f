/// The files of a resource as a tree: where a path leads, and what is in a folder.
public struct ResourceTree: Sendable {
    /// How many symlinks one path may lead through, as on Linux (path_resolution(7)).
    static let followLimit = 40

    /// Where a path leads.
    public enum Place: Sendable, Equatable {
        /// A regular file.
        case file(ResourceFile)
        /// A folder; nil is the root.
        case folder(FilePath?)
    }

    /// Something in a folder.
    public enum Entry: Sendable, Equatable {
        /// A file or symlink, and its name in the folder.
        case file(String, ResourceFile)
        /// A folder's name.
        case folder(String)

        /// The name as a list shows it: that of a folder has a `/` behind it.
        public var name: String {
            switch self {
            case .file(let name, _): name
            case .folder(let name): name + "/"
            }
        }
    }

    /// The files, sorted by path.
    public let files: [ResourceFile]

    /// Takes the files of a manifest.
    public init(_ manifest: ResourceManifest) { files = manifest.files }

    /// Where a path leads through the resource's own symlinks; nil where there is nothing, and for what would leave the root. `follow` is told of
    /// each symlink on the way, in order.
    public func find(_ path: FilePath?, follow: (ResourceFile) -> Void = { _ in }) -> Place? {
        guard let path else { return .folder(nil) }
        if let file = file(path), file.symlink == nil { return .file(file) }
        var at: [Substring] = []
        var left = path.segments.reversed() as [Substring]
        var follows = 0
        while let segment = left.popLast() {
            if segment == "." { continue }
            if segment == ".." {
                guard at.popLast() != nil else { return nil }
                continue
            }
            at.append(segment)
            let reached = FilePath(unchecked: at.joined(separator: "/"))
            guard let file = file(reached) else {
                guard sorted.hasFolder(reached) else { return nil }
                continue
            }
            guard let target = file.symlink else { return left.isEmpty ? .file(file) : nil }
            follows += 1
            guard follows < ResourceTree.followLimit, target.utf8.first != UInt8(ascii: "/") else { return nil }
            follow(file)
            at.removeLast()
            left += target.utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) }.reversed()
        }
        return .folder(at.isEmpty ? nil : FilePath(unchecked: at.joined(separator: "/")))
    }

    /// What is in a folder, in the order of the names as a list shows them, from behind the name `last` on; at most `limit`, and whether
    /// there is more.
    public func entries(in folder: FilePath?, after last: String? = nil, limit: Int) -> (entries: [Entry], isMore: Bool) {
        let (names, isMore) = sorted.names(in: folder, after: last, limit: limit)
        let entries = names.map { name, index -> Entry in
            index.map { .file(name, files[$0]) } ?? .folder(String(Substring(name.utf8.dropLast())))
        }
        return (entries, isMore)
    }

    /// The file or symlink of a path itself; nil where there is none.
    package func file(_ path: FilePath) -> ResourceFile? { sorted.index(of: path).map { files[$0] } }

    private var sorted: SortedPaths<LazyMapCollection<[ResourceFile], FilePath>> { SortedPaths(files.lazy.map(\.path)) }
}
