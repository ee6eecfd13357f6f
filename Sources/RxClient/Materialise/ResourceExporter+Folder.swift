import Glibc
import RxCrypto
public import RxModel
import RxPosix
public import RxStore

/// A resource that is to be a folder; its list of files is read only when it is needed.
struct FolderRequest {
    /// The SHA-256 of the manifest's bytes.
    let manifestDigest: Digest
    let definition: Definition
    /// What keeps it in the store while it is read.
    let hold: LateHold?
    /// What was written of it already, in a folder that is not there yet.
    var begun: EarlyFolder?
    let manifest: () throws -> ResourceManifest
}

extension ResourceExporter {
    /// Writes the content as the folder `target`. One that is absent or empty is filled, and nothing shows before everything is written. One
    /// that rx wrote is brought up to date: only what differs is touched, and nothing that others changed or put there, unless `options`
    /// force it. Throws `ContentError` when something is in the way, `PosixError`, or what reading the store throws.
    @discardableResult
    public func export(_ record: ResourceRecord, toFolder target: String, options: FolderOptions) throws -> FolderReport {
        try export(record, toFolder: target, options: options, hold: nil)
    }

    /// The same for a resource that `hold` keeps while it is read, and a folder that was `begun` while it came.
    func export(_ record: ResourceRecord, toFolder target: String, options: FolderOptions, hold: LateHold?, begun: EarlyFolder? = nil)
        throws
        -> FolderReport
    {
        let store = store
        return try export(
            FolderRequest(manifestDigest: record.manifestDigest, definition: record.definition, hold: hold, begun: begun) {
                try store.manifest(of: record)
            }, target, options)
    }

    /// Writes the content of a manifest as the folder `target`; with `definition`, resource.json too.
    @discardableResult
    public func export(_ manifest: ResourceManifest, toFolder target: String, definition: Bool) throws -> FolderReport {
        try export(
            FolderRequest(manifestDigest: manifest.digest, definition: manifest.definition, hold: nil) { manifest }, target,
            FolderOptions(definition: definition))
    }

    private func export(_ source: FolderRequest, _ target: String, _ options: FolderOptions) throws -> FolderReport {
        let plain = Files.withoutEndingSlashes(target)
        guard try Files.status(plain) != nil else { return try makeFolder(plain, source, options) }
        guard Files.isFolder(plain) else {
            throw ContentError("\(target) exists already and is not an empty folder", hint: "name a folder that does not exist yet")
        }
        let path = try Files.realPath(plain)
        let root = try OpenFolder(path)
        // Two runs for one folder take turns, and what is left in it is of a dead one.
        try root.lock()
        AsideFolder.removeDead(in: path, prefix: "")
        guard try Files.names(in: path).isEmpty else { return try update(root, named: target, source, options) }
        return try fill(root, source, options)
    }

    /// Makes a folder that is not there.
    private func makeFolder(_ target: String, _ source: FolderRequest, _ options: FolderOptions) throws -> FolderReport {
        AsideFolder.removeDead(beside: target)
        var begun = source.begun?.take(source.manifestDigest)
        defer { begun?.aside.remove() }
        try begun?.removeUnshared(store.blobFolder)
        return try writing(source, options, begun?.manifest) { [begun] wanted, writer in
            let aside = try begun?.aside ?? AsideFolder(beside: target)
            defer { aside.remove() }
            let (entries, report) = try writer.makeTree(FolderPlan(fresh: wanted), in: aside.folder, made: begun?.made)
            let writtenAt = Clock.nanoseconds
            do {
                try Interruption.finishing {
                    try Files.rename(aside.path, to: target)
                    aside.keep()
                }
            } catch let error as PosixError where [EEXIST, ENOTEMPTY, ENOTDIR].contains(error.errno) {
                // Somebody else made it meanwhile. Another run of rx holds the lock of what it made until it has written its record.
                aside.remove()
                return try export(source, target, options)
            }
            if let path = try? Files.realPath(target) { keep(entries, source, options, writtenAt: writtenAt, of: path) }
            return report
        }
    }

    /// Fills an empty folder: one that is there already stays itself, for those who are in it.
    private func fill(_ root: OpenFolder, _ source: FolderRequest, _ options: FolderOptions) throws -> FolderReport {
        try writing(source, options) { wanted, writer in
            let aside = try AsideFolder(beside: "\(root.path)/")
            defer { aside.remove() }
            var (entries, report) = try writer.makeTree(FolderPlan(fresh: wanted), in: aside.folder)
            try Interruption.finishing { try move(aside, into: root) }
            let writtenAt = Clock.nanoseconds
            for (index, entry) in entries.enumerated() where entry.path.parent == nil {
                // Moving a file changes its change time.
                entries[index] = FolderRecord.Entry(
                    path: entry.path, content: entry.content, isLinked: entry.isLinked,
                    stamp: try root.status(entry.path.text).map { FolderStamp($0) })
            }
            keep(entries, source, options, writtenAt: writtenAt, of: root.path)
            return report
        }
    }

    /// Moves what is aside into its folder; what was moved is removed again when not all of it can be.
    private func move(_ aside: AsideFolder, into root: OpenFolder) throws {
        var moved: [String] = []
        do {
            for name in try Files.names(in: aside.path) {
                try aside.folder.move(name, to: root, as: name, replacing: false)
                moved.append(name)
            }
        } catch {
            for name in moved { try? Files.removeTree("\(root.path)/\(name)") }
            throw error
        }
    }

    /// Runs `body` with what is to be written and who writes it, and tells the progress.
    private func writing(
        _ source: FolderRequest, _ options: FolderOptions, _ manifest: ResourceManifest? = nil,
        _ body: ([ResourceFile], FolderWriter) throws -> FolderReport
    ) throws -> FolderReport {
        let (wanted, inlined) = try files(source, options, manifest)
        progress.begin("writing", total: wanted.reduce(0) { $0 + $1.size }, files: wanted.count)
        defer { progress.end() }
        return try body(wanted, try writer(source, inlined, options))
    }

    func writer(_ source: FolderRequest, _ inlined: [Digest: [UInt8]], _ options: FolderOptions) throws -> FolderWriter {
        FolderWriter(
            maker: try FileMaker(store: store, inlined: inlined, link: options.link, hold: source.hold, progress: progress))
    }

    /// The files that belong into the folder, and the bytes of those that are in no blob; `manifest` is what was read already.
    func files(_ source: FolderRequest, _ options: FolderOptions, _ manifest: ResourceManifest? = nil) throws -> (
        wanted: [ResourceFile], inlined: [Digest: [UInt8]]
    ) {
        let manifest = try manifest ?? source.manifest()
        guard options.definition else { return (manifest.files, [:]) }
        try refuseOwnDefinition(manifest)
        let bytes = text(source.definition)
        let digest = sha256(bytes)
        let file = ResourceFile(path: try FilePath(parsing: Definition.fileName), digest: digest, size: bytes.count)
        let wanted = (manifest.files + [file]).sorted { $0.path < $1.path }
        try ResourceManifest.check(wanted)
        return (wanted, [digest: bytes])
    }

    /// Remembers what is in a folder now.
    func keep(_ entries: [FolderRecord.Entry], _ source: FolderRequest, _ options: FolderOptions, writtenAt: Int, of folder: String) {
        guard let records else { return }
        records.keep(
            FolderRecord(
                manifest: source.manifestDigest, definition: definitionDigest(source, options), writtenAt: writtenAt, entries: entries),
            of: folder)
    }

    /// The digest of the resource.json that is asked for; nil when none is.
    func definitionDigest(_ source: FolderRequest, _ options: FolderOptions) -> Digest? {
        options.definition ? sha256(text(source.definition)) : nil
    }
}
