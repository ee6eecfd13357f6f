import RxModel

/// What is left out of a folder's content: the lines of the `.rxignore` files from its root down to one of its folders.
///
/// The nearest file decides, in it the last line that matches; so a deeper file, and a later line, takes back what another left out.
/// `.git` and `node_modules`, at any depth, and the `.rxignore` files themselves are always left out. Source: gitignore(5).
final class IgnoreScope: Sendable {
    /// The file that holds the lines.
    static let fileName = ".rxignore"
    /// The longest `.rxignore` file, in bytes.
    static let sizeLimit = 1 << 20

    private let patterns: [IgnorePattern]
    private let base: Int
    private let outer: IgnoreScope?

    /// Reads a file. `base` is how many bytes of a path stand in front of what its lines speak of.
    init(_ bytes: [UInt8], base: Int, outer: IgnoreScope?) {
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        patterns = text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            IgnorePattern(line: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
        }
        self.base = base
        self.outer = outer
    }

    /// Whether an entry of this or a deeper folder is left out: `path` from the content's root, `nameAt` where its last segment starts.
    func excludes(_ path: [UInt8], nameAt: Int, isFolder: Bool) -> Bool {
        let name = path[nameAt...]
        var scope: IgnoreScope? = self
        while let each = scope {
            let inside = path[each.base...]
            if let last = each.patterns.last(where: { $0.matches(path: inside, name: name, isFolder: isFolder) }) { return !last.negated }
            scope = each.outer
        }
        return false
    }

    /// Whether a name is left out whatever the lines say.
    static func alwaysExcludes(_ name: some Collection<UInt8>) -> Bool {
        switch name.count {
        case 4: name.elementsEqual(".git".utf8)
        case 9: name.elementsEqual(fileName.utf8)
        case 12: name.elementsEqual("node_modules".utf8)
        default: false
        }
    }
}

/// The same rules for a list of files that is known only as a whole, such as the entries of an archive.
struct IgnoreTree {
    private struct Folder {
        let scope: IgnoreScope?
        let excluded: Bool
    }

    private let files: [FilePath: [UInt8]]
    private let root: Folder
    private var folders: [FilePath: Folder] = [:]

    /// Takes the bytes of the `.rxignore` files, by their paths.
    init(_ files: [FilePath: [UInt8]]) {
        self.files = files
        root = Folder(scope: IgnoreTree.scope(in: files, of: nil, outer: nil), excluded: false)
    }

    /// Whether a file is left out.
    mutating func excludes(_ path: FilePath) -> Bool {
        let folder = path.parent.map { self.folder($0) } ?? root
        return excludes(path, in: folder, isFolder: false)
    }

    private mutating func folder(_ path: FilePath) -> Folder {
        if let known = folders[path] { return known }
        let outer = path.parent.map { self.folder($0) } ?? root
        let excluded = excludes(path, in: outer, isFolder: true)
        let made = Folder(scope: excluded ? nil : IgnoreTree.scope(in: files, of: path, outer: outer.scope), excluded: excluded)
        folders[path] = made
        return made
    }

    private func excludes(_ path: FilePath, in folder: Folder, isFolder: Bool) -> Bool {
        if folder.excluded || IgnoreScope.alwaysExcludes(path.name.utf8) { return true }
        let bytes = Array(path.text.utf8)
        return folder.scope?.excludes(bytes, nameAt: bytes.count - path.name.utf8.count, isFolder: isFolder) ?? false
    }

    private static func scope(in files: [FilePath: [UInt8]], of folder: FilePath?, outer: IgnoreScope?) -> IgnoreScope? {
        let prefix = folder.map { "\($0)/" } ?? ""
        guard let bytes = files[FilePath(unchecked: prefix + IgnoreScope.fileName)] else { return outer }
        return IgnoreScope(bytes, base: prefix.utf8.count, outer: outer)
    }
}
