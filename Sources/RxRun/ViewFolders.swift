import Glibc
import RxLoader
package import RxModel
import RxPosix

/// The folders in which programs see the files of resources: `HOME/cache/views/<manifest digest>`, each with the files that were asked for
/// so far, under their paths. Any number of processes may fill one at once; a file is there whole or not at all.
///
/// Source: Specs/17-run, "Views".
package struct ViewFolders: Sendable {
    /// What every file says of its last change, so that what is compiled from it stays good: 2000-01-01.
    private static let fileTime = 946_684_800
    /// Where files are made before they appear; no digest has this name.
    private static let aside = ".aside"
    /// How long a file aside is left to whoever makes it, in seconds.
    private static let asideTime = 24 * 3600

    /// The folder that all views are in.
    let folder: String

    /// Views in a home's cache. Their files are copies, never links to blobs: a program that owns them could write into the store.
    package init(home: String) throws {
        let views = "\(home)/cache/views"
        // With the home: the first command of all may be one that needs no store.
        try Files.makeFolders("\(views)/\(ViewFolders.aside)")
        // The real path, also where the cache is elsewhere: programs compare it with where symlinks lead.
        folder = try Files.realPath(views)
        removeDead()
    }

    /// Removes every view of a home. Programs that run get what they ask for anew; what they note is left to them.
    package static func removeAll(home: String) throws {
        let views = "\(home)/cache/views"
        let aside = "\(views)/\(ViewFolders.aside)"
        guard try Files.status(views) != nil else { return }
        try Files.makeFolders(aside)
        for name in try Files.names(in: views) where name != ViewFolders.aside {
            // Others may be writing into it: they make a new one.
            let away = "\(aside)/\(RandomName.make())"
            do { try Files.rename("\(views)/\(name)", to: away) } catch { guard error.isMissing else { throw error } }
            try Files.removeTree(away)
        }
    }

    /// Where the files of a resource appear.
    package func root(_ manifest: Digest) -> String { "\(folder)/\(manifest.hex)" }

    /// Makes sure that what a path of a resource leads to is in its view, with the symlinks on the way; gives its path there, nil when the
    /// resource has nothing of this path. `fetch` reads a file's bytes, and is called for what is not there yet alone.
    package func present(_ path: FilePath, of resource: OpenedResource, fetch: (ResourceFile) throws -> any ByteSource) throws -> String? {
        // It may have been cleared away while the program runs.
        try writeList(of: resource)
        var links: [ResourceFile] = []
        guard let place = resource.tree.find(path, follow: { links.append($0) }) else { return nil }
        // The file first: a symlink is not seen before what it leads to is there.
        switch place {
        case .file(let file):
            let parent = try open(file.path.parent, in: resource.root)
            if try !isThere(file, in: parent) { try copy(file, in: parent, try fetch(file)) }
        case .folder(let folder): _ = try open(folder, in: resource.root)
        }
        for link in links.reversed() { try makeLink(link, in: resource.root) }
        return "\(resource.root)/\(path)"
    }

    /// Writes the paths of all files of a resource beside its view, and behind an empty one the modules that it says it provides and `->PATH` for
    /// each of the paths that is a symlink, each with a NUL behind it, for programs to see what they can ask for.
    func writeList(of resource: OpenedResource) throws {
        let path = "\(resource.root).files"
        guard try Files.status(path) == nil else { return }
        try Files.makeFolders(folder)
        let manifest = resource.stored.manifest
        let lines =
            manifest.files.map(\.path.text) + [""] + manifest.definition.provides.names.map(\.description)
            + manifest.files.filter { $0.symlink != nil }.map { "->\($0.path)" }
        try Files.replace(path, with: Array(lines.map { "\($0)\0" }.joined().utf8))
    }

    /// Whether what a lock says of a resource was compared with the resource before. A manifest's digest always means the same.
    func hasCompared(_ entry: Lock.Entry) -> Bool {
        let text = ViewFolders.words(of: entry)
        return (try? Files.read("\(root(entry.manifest)).entry", limit: text.count + 1)) == text
    }

    /// Notes that they agree.
    func noteCompared(_ entry: Lock.Entry) {
        // A hint: what a power failure leaves of it is another text.
        try? Files.replace("\(root(entry.manifest)).entry", with: ViewFolders.words(of: entry), durably: false)
    }

    private static func words(of entry: Lock.Entry) -> [UInt8] {
        let lines = [entry.tree.description] + entry.provides.names.map(\.description).sorted()
        return Array(lines.map { "\($0)\n" }.joined().utf8)
    }

    /// A name for a file that one process alone uses, as long as it runs; what a killed one left is removed in time.
    func asideName() -> String { "\(folder)/\(ViewFolders.aside)/\(RandomName.make())" }

    /// Whether something of a resource was asked for before.
    package func hasAny(of manifest: Digest) -> Bool { Files.isFolder(root(manifest)) }

    /// Whether all that a path leads to is in the view already.
    package func has(_ path: FilePath, of resource: OpenedResource) -> Bool {
        guard let file = resource.tree.file(path), file.symlink == nil,
            let parent = try? OpenFolder(resource.root).folder(path.parent?.text ?? "")
        else { return false }
        return (try? isThere(file, in: parent)) ?? false
    }

    /// A folder of a view, made where it is missing; no part of it is a symlink.
    private func open(_ path: FilePath?, in root: String) throws -> OpenFolder {
        do { return try OpenFolder(root).folder(path?.text ?? "") } catch { guard error.isMissing else { throw error } }
        try Files.makeFolders(root)
        var at = try OpenFolder(root)
        for segment in path?.segments ?? [] {
            try at.makeFolder(String(segment))
            at = try at.folder(String(segment))
        }
        return at
    }

    private func isThere(_ file: ResourceFile, in parent: OpenFolder) throws -> Bool {
        guard let status = try parent.status(file.path.lastName) else { return false }
        return status.isRegular && Int(status.st_size) == file.size && (status.st_mode & S_IXUSR != 0) == file.executable
    }

    /// Writes the file aside, durably, and moves it to its place.
    private func copy(_ file: ResourceFile, in parent: OpenFolder, _ source: any ByteSource) throws {
        try Files.makeFolders("\(folder)/\(ViewFolders.aside)")
        let aside = try OpenFolder("\(folder)/\(ViewFolders.aside)")
        let name = RandomName.make()
        let path = "\(aside.path)/\(name)"
        try Interruption.cleaning(path) {
            do {
                let target = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: file.executable ? 0o555 : 0o444)
                try copyBytes(from: source, to: FileSink(target))
                let times = [timespec](repeating: timespec(tv_sec: ViewFolders.fileTime, tv_nsec: 0), count: 2)
                _ = try retrying("futimens", path) { futimens(target.number, times) }
                try target.sync()
                if let status = try parent.status(file.path.lastName), !status.isRegular { try clear(file.path.lastName, in: parent) }
                try aside.move(name, to: parent, as: file.path.lastName, replacing: true)
            } catch {
                Files.discard(path)
                throw error
            }
        }
    }

    private func makeLink(_ file: ResourceFile, in root: String) throws {
        guard let target = file.symlink else { return }
        let parent = try open(file.path.parent, in: root)
        let name = file.path.lastName
        for _ in 0..<2 {
            do { return try parent.makeSymlink(name, to: target) } catch {
                guard error.errno == EEXIST else { throw error }
                if try parent.status(name)?.isSymlink ?? false, try parent.target(ofSymlink: name).elementsEqual(target.utf8) { return }
                try clear(name, in: parent)
            }
        }
    }

    /// Takes away what is in the place of a file and is not the file.
    private func clear(_ name: String, in parent: OpenFolder) throws {
        guard let status = try parent.status(name) else { return }
        guard status.isFolder else { return try parent.remove(name) }
        try Files.removeTree("\(parent.path)/\(name)")
    }

    /// Removes what killed processes left aside.
    private func removeDead() {
        let aside = "\(folder)/\(ViewFolders.aside)"
        for name in (try? Files.names(in: aside)) ?? [] {
            guard let status = try? Files.status("\(aside)/\(name)"), Clock.now - status.changedAt / 1_000_000_000 > ViewFolders.asideTime
            else { continue }
            try? Files.removeTree("\(aside)/\(name)")
        }
    }
}
