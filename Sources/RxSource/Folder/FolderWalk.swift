import Glibc
import RxModel
import RxPosix

/// Collects the entries of a folder and those below it, in the order of their paths.
struct FolderWalk {
    private struct Child {
        let name: [UInt8]
        let status: stat

        /// The order of whole paths: a folder's name counts with the `/` behind it.
        static func precedes(_ a: Child, _ b: Child) -> Bool {
            let common = min(a.name.count, b.name.count)
            let order = memcmp(a.name, b.name, common)
            if order != 0 { return order < 0 }
            if a.name.count == b.name.count { return false }
            let slash = UInt8(ascii: "/")
            if a.name.count > common { return b.status.isFolder && a.name[common] < slash }
            return !(a.status.isFolder && b.name[common] < slash)
        }
    }

    /// How many folders may be inside one another; each is open while the walk is below it, and a process may open 1024 files.
    static let depthLimit = 500

    private let folder: SourceFolder
    private var depth = 0
    private var path: [UInt8] = []
    /// What was found so far.
    private(set) var entries: [SourceEntry] = []

    init(folder: SourceFolder) { self.folder = folder }

    /// Adds what `directory`, whose path is `path`, holds.
    mutating func walk(_ directory: borrowing Directory, scope outer: IgnoreScope? = nil) throws {
        let children = try children(of: directory)
        let scope = try scope(of: directory, children, outer: outer)
        let end = path.count
        for child in children where !IgnoreScope.alwaysExcludes(child.name) {
            path.append(contentsOf: child.name)
            defer { path.removeSubrange(end...) }
            if let scope, scope.excludes(path, nameAt: end, isFolder: child.status.isFolder) { continue }
            if child.status.isFolder {
                try descend(directory, child, scope)
            } else {
                try add(child, of: directory)
            }
        }
    }

    private func children(of directory: borrowing Directory) throws -> [Child] {
        var children: [Child] = []
        while let name = try directory.next(path: shown) {
            var status = stat()
            let result = (name + [0]).withUnsafeBytes { name in
                fstatat(directory.number, name.baseAddress!.assumingMemoryBound(to: CChar.self), &status, AT_SYMLINK_NOFOLLOW)
            }
            if result != 0 {
                let code = errno
                // Removed since the folder was listed: as if it had never been there.
                if code == ENOENT { continue }
                throw PosixError("fstatat", "\(shown)/\(String(decoding: name, as: UTF8.self))", errno: code)
            }
            children.append(Child(name: name, status: status))
        }
        children.sort(by: Child.precedes)
        return children
    }

    private func scope(of directory: borrowing Directory, _ children: [Child], outer: IgnoreScope?) throws -> IgnoreScope? {
        guard let file = children.first(where: { $0.name.elementsEqual(IgnoreScope.fileName.utf8) }) else { return outer }
        let shown = "\(shown)/\(IgnoreScope.fileName)"
        guard file.status.isRegular else {
            throw ContentError("\(shown) is not a regular file", hint: "it lists what is left out of the content, one pattern a line")
        }
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let number = try retrying("openat", shown) { openat(directory.number, IgnoreScope.fileName, flags) }
        let bytes = try FileSource(FileDescriptor(owning: number, path: shown)).readAll(limit: IgnoreScope.sizeLimit)
        return IgnoreScope(bytes, base: path.count, outer: outer)
    }

    private mutating func descend(_ parent: borrowing Directory, _ child: Child, _ scope: IgnoreScope?) throws {
        guard path.count < FilePath.lengthLimit else { throw refused("the path is longer than \(FilePath.lengthLimit) bytes") }
        guard let name = String(validating: child.name, as: UTF8.self) else { throw refused("the name is not UTF-8") }
        guard depth < FolderWalk.depthLimit else { throw refused("more than \(FolderWalk.depthLimit) folders are inside one another") }
        depth += 1
        defer { depth -= 1 }
        let directory = try Directory.open(name, in: parent.number, path: shown)
        path.append(UInt8(ascii: "/"))
        try walk(directory, scope: scope)
    }

    private mutating func add(_ child: Child, of directory: borrowing Directory) throws {
        guard let text = String(validating: path, as: UTF8.self) else { throw refused("the name is not UTF-8") }
        let short = path.count <= FilePath.lengthLimit && child.name.count <= FilePath.segmentLimit && !child.name.contains(0x0A)
        let path = short && !self.path.contains(0x0A) ? FilePath(unchecked: text) : try FilePath(parsing: text)
        let kind: SourceEntry.Kind
        var size = Int(child.status.st_size)
        switch child.status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular(executable: child.status.st_mode & S_IXUSR != 0)
        case S_IFLNK:
            let target = try target(of: child, in: directory)
            kind = .symlink(target: target)
            size = target.utf8.count
        case S_IFIFO: throw refused("a fifo cannot be part of a resource")
        case S_IFSOCK: throw refused("a socket cannot be part of a resource")
        case S_IFCHR, S_IFBLK: throw refused("a device cannot be part of a resource")
        default: throw refused("it is neither a file, a folder nor a symlink")
        }
        entries.append(SourceEntry(path: path, kind: kind, size: size, status: child.status, folder: folder))
    }

    private func target(of child: Child, in directory: borrowing Directory) throws -> String {
        let number = directory.number
        let bytes = try withUnsafeTemporaryAllocation(byteCount: FilePath.lengthLimit + 1, alignment: 1) { buffer in
            let count = try retrying("readlinkat", shown) {
                (child.name + [0]).withUnsafeBytes { name in
                    let name = name.baseAddress!.assumingMemoryBound(to: CChar.self)
                    return readlinkat(number, name, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
                }
            }
            return Array(buffer[..<count])
        }
        guard let target = String(validating: bytes, as: UTF8.self) else { throw refused("the symlink's target is not UTF-8") }
        return target
    }

    /// The path that is being looked at, on disk.
    private var shown: String {
        let inside = String(decoding: path.last == UInt8(ascii: "/") ? path.dropLast() : path[...], as: UTF8.self)
        return inside.isEmpty ? folder.path : "\(folder.path)/\(inside)"
    }

    private func refused(_ reason: String) -> ContentError {
        ContentError("entry \(FilePath.quoted(String(decoding: path, as: UTF8.self))): \(reason)")
    }
}
