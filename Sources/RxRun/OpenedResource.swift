package import RxLoader
package import RxModel

/// A resource that a program has: its files by path, and the folder where those that were asked for are.
package struct OpenedResource: Sendable {
    /// Where it was found, and its files.
    package let stored: StoredResource
    /// Where its files appear.
    package let root: String
    /// Its files by path, symlinks among them.
    package let files: [FilePath: ResourceFile]
    /// The paths of its folders.
    package let folders: Set<FilePath>

    /// The digest of its manifest.
    package var digest: Digest { stored.digest }

    /// Looks through the files of a resource whose view is `root`.
    package init(_ stored: StoredResource, root: String) {
        self.stored = stored
        self.root = root
        files = Dictionary(stored.manifest.files.map { ($0.path, $0) }) { first, _ in first }
        var folders: Set<FilePath> = []
        for file in stored.manifest.files {
            var at = file.path.parent
            while let folder = at, folders.insert(folder).inserted { at = folder.parent }
        }
        self.folders = folders
    }

    /// What a path leads to.
    package enum Place: Sendable {
        case file(ResourceFile)
        case folder(FilePath?)
    }

    /// What a path leads to through the resource's own symlinks, which are given in the order they are met; nil when it leads nowhere.
    package func resolve(_ path: FilePath) -> (place: Place, links: [ResourceFile])? {
        var links: [ResourceFile] = []
        var at: [Substring] = []
        var left = path.segments.reversed() as [Substring]
        while let segment = left.popLast() {
            if segment == "." { continue }
            if segment == ".." {
                guard at.popLast() != nil else { return nil }
                continue
            }
            at.append(segment)
            let here = FilePath(unchecked: at.joined(separator: "/"))
            guard let file = files[here] else {
                guard folders.contains(here) else { return nil }
                continue
            }
            guard let target = file.symlink else { return left.isEmpty ? (.file(file), links) : nil }
            guard links.count < OpenedResource.followLimit, target.utf8.first != UInt8(ascii: "/") else { return nil }
            links.append(file)
            at.removeLast()
            left += target.utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) }.reversed()
        }
        return (.folder(at.isEmpty ? nil : FilePath(unchecked: at.joined(separator: "/"))), links)
    }

    /// How many symlinks one path may lead through, as on Linux (path_resolution(7)).
    private static let followLimit = 40
}
