import Glibc
import RxArchive
public import RxModel
import RxPosix
public import RxStore

/// Writes a stored resource to where people can use it: a folder or an archive file.
public struct ResourceExporter: Sendable {
    /// The name of the definition's file.
    public static let definitionName = "resource.json"

    private let store: any Store
    private let progress: any Progress

    /// Exports from `store`.
    public init(store: any Store, progress: any Progress = NoProgress()) {
        self.store = store
        self.progress = progress
    }

    /// Writes the content as the folder `target`, which must be absent or empty; with `definition`, resource.json too. The
    /// folder appears whole or not at all. Throws `ContentError`, `PosixError`, or what reading the store throws.
    public func export(_ manifest: ResourceManifest, toFolder target: String, definition: Bool) throws {
        try refuseUsed(target, manifest, definition)
        let trimmed = target.utf8.last == UInt8(ascii: "/") && target != "/" ? String(target.dropLast()) : target
        let aside = "\(trimmed).rx-\(RandomName.make())"
        do {
            try Files.makeFolders(aside)
            progress.begin("writing", total: manifest.size)
            try write(manifest, into: aside)
            if definition { try create("\(aside)/\(ResourceExporter.definitionName)", mode: 0o644, from: definitionSource(manifest)) }
            try Files.rename(aside, to: trimmed)
        } catch {
            try? Files.removeTree(aside)
            throw error
        }
        progress.end()
    }

    /// Writes content and resource.json as one deterministic archive, replacing the file in one step.
    public func export(_ manifest: ResourceManifest, toArchive target: String) throws {
        try refuseUsedName(manifest)
        let aside = "\(target).rx-\(RandomName.make())"
        do {
            progress.begin("writing", total: nil)
            let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try writeWithDefinition(manifest, to: MeteredSink(FileSink(file), progress))
            try file.sync()
            try Files.rename(aside, to: target)
        } catch {
            Files.discard(aside)
            throw error
        }
        progress.end()
    }

    private func writeWithDefinition(_ manifest: ResourceManifest, to sink: any ByteSink) throws {
        let bytes = Array((manifest.definition.json.pretty + "\n").utf8)
        let name = try FilePath(parsing: ResourceExporter.definitionName)
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

    private func definitionSource(_ manifest: ResourceManifest) -> BytesSource {
        BytesSource(Array((manifest.definition.json.pretty + "\n").utf8))
    }

    private func refuseUsed(_ target: String, _ manifest: ResourceManifest, _ definition: Bool) throws {
        if definition { try refuseUsedName(manifest) }
        guard try Files.status(target) != nil else { return }
        guard Files.isFolder(target), try Files.names(in: target).isEmpty else {
            throw ContentError("\(target) exists already and is not an empty folder", hint: "name a folder that does not exist yet")
        }
    }

    private func refuseUsedName(_ manifest: ResourceManifest) throws {
        guard !manifest.files.contains(where: { $0.path.text == ResourceExporter.definitionName }) else {
            throw ContentError(
                "the content holds a \(ResourceExporter.definitionName) of its own", hint: "export it to a folder without --definition")
        }
    }
}
