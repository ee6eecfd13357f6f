import Glibc
import RxArchive
public import RxModel
import RxPosix
public import RxStore

/// Writes a stored resource to where people can use it: a folder or an archive file.
public struct ResourceExporter: Sendable {
    private let store: any Store
    private let progress: any Progress

    /// Exports from `store`.
    public init(store: any Store, progress: any Progress = NoProgress()) {
        self.store = store
        self.progress = progress
    }

    /// Writes the content as the folder `target`, which must be absent or empty; with `definition`, resource.json too. Nothing
    /// shows before everything is written. Throws `ContentError`, `PosixError`, or what reading the store throws.
    public func export(_ manifest: ResourceManifest, toFolder target: String, definition: Bool) throws {
        if definition { try refuseOwnDefinition(manifest) }
        let present = try emptyFolder(target)
        var plain = target[...]
        while plain.utf8.count > 1, plain.utf8.last == UInt8(ascii: "/") { plain.removeLast() }
        let aside = "\(present.map { "\($0)/" } ?? String(plain)).rx-\(RandomName.make())"
        progress.begin("writing", total: manifest.size)
        defer { progress.end() }
        try Interruption.cleaning(aside) {
            do {
                try Files.makeFolders(aside)
                try write(manifest, into: aside)
                if definition { try create("\(aside)/\(Definition.fileName)", mode: 0o644, from: BytesSource(text(manifest.definition))) }
                try Interruption.finishing {
                    if let present { try move(aside, into: present) } else { try Files.rename(aside, to: String(plain)) }
                }
            } catch {
                try? Files.removeTree(aside)
                throw error
            }
        }
    }

    /// Writes content and resource.json as one deterministic archive, replacing the file in one step.
    public func export(_ manifest: ResourceManifest, toArchive target: String) throws {
        try refuseOwnDefinition(manifest)
        let aside = "\(target).rx-\(RandomName.make())"
        progress.begin("writing", total: nil)
        defer { progress.end() }
        try Interruption.cleaning(aside) {
            do {
                let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                try writeWithDefinition(manifest, to: MeteredSink(FileSink(file), progress))
                try file.sync()
                try Files.rename(aside, to: target)
            } catch {
                Files.discard(aside)
                throw error
            }
        }
    }

    private func writeWithDefinition(_ manifest: ResourceManifest, to sink: any ByteSink) throws {
        let bytes = text(manifest.definition)
        let name = try FilePath(parsing: Definition.fileName)
        let writer = ArchiveWriter(to: sink)
        var pending: FilePath? = name
        func writeDefinition() throws {
            try writer.add(path: name, size: bytes.count, content: BytesSource(bytes))
            pending = nil
        }
        for file in manifest.files {
            if let name = pending, name < file.path { try writeDefinition() }
            try writer.add(file, open: store.open)
        }
        if pending != nil { try writeDefinition() }
        try writer.finish()
    }

    /// Files first and symlinks last: no file is ever written through a symlink.
    private func write(_ manifest: ResourceManifest, into folder: String) throws {
        var made: Set<FilePath> = []
        for file in manifest.files {
            if let parent = file.path.parent, made.insert(parent).inserted { try Files.makeFolders("\(folder)/\(parent)") }
        }
        let regular = manifest.files.filter { $0.symlink == nil }
        try WorkerPool.forEach(0..<regular.count, threads: Host.processors) { index in
            let file = regular[index]
            try create(
                "\(folder)/\(file.path)", mode: file.executable ? 0o755 : 0o644, from: MeteredSource(try store.open(file.digest), progress))
        }
        for file in manifest.files {
            if let target = file.symlink { try Files.makeSymlink("\(folder)/\(file.path)", to: target) }
        }
    }

    private func create(_ path: String, mode: mode_t, from source: any ByteSource) throws {
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        try copyBytes(from: source, to: FileSink(file))
    }

    /// Moves what a folder holds into the folder above it: one that is there already stays itself, for those who are in it. What was
    /// moved is removed again when not all of it can be.
    private func move(_ aside: String, into folder: String) throws {
        var moved: [String] = []
        do {
            for name in try Files.names(in: aside) {
                try Files.rename("\(aside)/\(name)", to: "\(folder)/\(name)")
                moved.append(name)
            }
        } catch {
            for name in moved { try? Files.removeTree("\(folder)/\(name)") }
            throw error
        }
        try Files.removeTree(aside)
    }

    private func text(_ definition: Definition) -> [UInt8] { Array((definition.json.pretty + "\n").utf8) }

    /// The real path of an empty folder that is there already, also behind a symlink; nil when nothing is there.
    private func emptyFolder(_ target: String) throws -> String? {
        guard try Files.status(target) != nil else { return nil }
        guard Files.isFolder(target), try Files.names(in: target).isEmpty else {
            throw ContentError("\(target) exists already and is not an empty folder", hint: "name a folder that does not exist yet")
        }
        return try Files.realPath(target)
    }

    private func refuseOwnDefinition(_ manifest: ResourceManifest) throws {
        guard !manifest.files.contains(where: { $0.path.text == Definition.fileName }) else {
            throw ContentError(
                "the content holds a \(Definition.fileName) of its own", hint: "export it to a folder without --definition")
        }
    }
}
