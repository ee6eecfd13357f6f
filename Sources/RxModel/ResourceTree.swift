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
                guard isFolder(reached) else { return nil }
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
        let prefix = folder.map { $0.text + "/" } ?? ""
        var index = start(prefix: prefix, after: last)
        var entries: [Entry] = []
        while index < files.count, files[index].path.text.utf8.starts(with: prefix.utf8) {
            guard entries.count < limit else { return (entries, true) }
            let rest = files[index].path.text.utf8.dropFirst(prefix.utf8.count)
            if let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
                let name = String(Substring(rest[..<slash]))
                entries.append(.folder(name))
                index = first { ResourceTree.isBehind(prefix + name + "/", $0) }
            } else {
                entries.append(.file(String(Substring(rest)), files[index]))
                index += 1
            }
        }
        return (entries, false)
    }

    private func start(prefix: String, after last: String?) -> Int {
        guard let last else { return first { !ResourceTree.precedes($0, prefix) } }
        // What is in a folder comes right behind its name.
        if last.utf8.last == UInt8(ascii: "/") { return first { ResourceTree.isBehind(prefix + last, $0) } }
        return first { !ResourceTree.precedes($0, prefix + last) && !$0.utf8.elementsEqual((prefix + last).utf8) }
    }

    /// The file or symlink of a path itself; nil where there is none.
    package func file(_ path: FilePath) -> ResourceFile? {
        let index = first { !ResourceTree.precedes($0, path.text) }
        return index < files.count && files[index].path == path ? files[index] : nil
    }

    private func isFolder(_ path: FilePath) -> Bool {
        let prefix = path.text + "/"
        let index = first { !ResourceTree.precedes($0, prefix) }
        return index < files.count && files[index].path.text.utf8.starts(with: prefix.utf8)
    }

    /// The first file whose path fits a condition that every path behind it fits, too.
    private func first(where fits: (String) -> Bool) -> Int {
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if fits(files[middle].path.text) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    /// Whether a path comes behind all that begin with a prefix.
    private static func isBehind(_ prefix: String, _ path: String) -> Bool {
        precedes(prefix, path) && !path.utf8.starts(with: prefix.utf8)
    }
}
