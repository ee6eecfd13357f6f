public import RxModel

/// Reads a resource archive (RXA), a tar.gz, in one pass and without holding any file in memory.
///
/// The content of each regular file, and the target of each symlink, goes to `stage`, which reads its source to the end and gives
/// the blob's digest and size. A hard link to an earlier file becomes a copy of it. `select` maps the path of a file to the one
/// to keep, or to nil to leave the file out; what is left out is still checked. Gives the files sorted by path.
///
/// Throws `ContentError`, with the entry's name where it is about one, for everything that Specs/04-archive refuses, and whatever
/// `source` and `stage` throw. What was staged until then is the caller's to drop: the whole archive is only known to be good at
/// its end.
public func readArchive(
    _ source: any ByteSource,
    limits: ArchiveLimits = ArchiveLimits(),
    select: (FilePath) -> FilePath? = { $0 },
    stage: (any ByteSource) throws -> (digest: Digest, size: Int)
) throws -> [ResourceFile] {
    try readTar(GzipSource(source, bufferBytes: limits.bufferBytes), limits: limits, select: select, stage: stage)
}

/// The same for the tar alone.
func readTar(
    _ source: any ByteSource, limits: ArchiveLimits,
    select: (FilePath) -> FilePath?, stage: (any ByteSource) throws -> (digest: Digest, size: Int)
) throws -> [ResourceFile] {
    let tar = try TarReader(source, limits: limits)
    var contents = ArchiveContents(limits: limits)
    while let entry = try tar.next() { try contents.add(entry, from: tar, select: select, stage: stage) }
    return try contents.finish()
}

/// What an archive holds, as far as it was read.
private struct ArchiveContents {
    /// What a name stands for; the number is the file's place in `files`.
    private enum Known { case folder, symlink, file(Int), leftOut }

    private let limits: ArchiveLimits
    private var files: [ResourceFile] = []
    private var known: [FilePath: Known] = [:]
    private var entries = 0
    private var unpackedBytes = 0
    private var nameBytes = 0

    init(limits: ArchiveLimits) { self.limits = limits }

    mutating func add(
        _ entry: TarReader.Entry, from tar: TarReader,
        select: (FilePath) -> FilePath?, stage: (any ByteSource) throws -> (digest: Digest, size: Int)
    ) throws {
        entries += 1
        guard entries <= limits.maxEntries else { throw refusal(entry.shown, "the archive holds more than \(limits.maxEntries) entries") }
        try countNames(entry)
        guard let path = try parse(entry) else { return }
        try countContent(entry.size, path)

        switch entry.kind {
        case .folder:
            try note(path, .folder)
        case .other(let kind):
            throw refusal(path, "\(kind) are not allowed")
        case .file:
            guard let kept = select(path) else { return try note(path, .leftOut) }
            try note(path, .file(files.count))
            let content = EntrySource(tar)
            defer { content.isOver = true }
            let (digest, size) = try stage(content)
            guard size == entry.size else { throw refusal(path, "\(size) of its \(entry.size) bytes were stored") }
            files.append(ResourceFile(path: kept, digest: digest, size: size, executable: entry.executable))
        case .symlink(let bytes):
            guard let kept = select(path) else { return try note(path, .leftOut) }
            guard let target = String(validating: bytes, as: UTF8.self) else { throw refusal(path, "the symlink's target is not UTF-8") }
            try note(path, .symlink)
            try countContent(bytes.count, path)
            let (digest, size) = try stage(BytesSource(bytes))
            files.append(ResourceFile(path: kept, digest: digest, size: size, symlink: target))
        case .hardLink(let target):
            guard let kept = select(path) else { return try note(path, .leftOut) }
            let original = try file(linkedBy: path, target, size: entry.size)
            try note(path, .file(files.count))
            try countContent(original.size, path)
            files.append(ResourceFile(path: kept, digest: original.digest, size: original.size, executable: original.executable))
        }
    }

    /// The files, when they make a tree that stays inside its root.
    consuming func finish() throws -> [ResourceFile] {
        guard !files.isEmpty else { throw ContentError("the archive holds no file", code: .contentRequired) }
        try ResourceManifest.checkTree(
            files: known.compactMap { if case .folder = $0.value { nil } else { $0.key } },
            folders: known.compactMap { if case .folder = $0.value { $0.key } else { nil } })
        known = [:]
        files.sort { $0.path < $1.path }
        try ResourceManifest.check(files)
        return files
    }

    /// The entry's path; nil for the root folder.
    private func parse(_ entry: TarReader.Entry) throws -> FilePath? {
        guard let text = String(validating: entry.name, as: UTF8.self) else { throw refusal(entry.shown, "the name is not UTF-8") }
        var name = ArchiveContents.withoutDots(text.utf8[...])
        if case .folder = entry.kind {
            while name.count > 1, name.last == UInt8(ascii: "/") { name = name.dropLast() }
            if name.elementsEqual(".".utf8) || name.isEmpty && !text.isEmpty { return nil }
        }
        return try FilePath(parsing: String(Substring(name)))
    }

    /// A name without the `./` that many archives have in front of every one.
    private static func withoutDots<Name: Collection<UInt8>>(_ name: Name) -> Name.SubSequence {
        var name = name[...]
        while name.starts(with: "./".utf8) { name = name.dropFirst(2) }
        return name
    }

    private mutating func note(_ path: FilePath, _ what: Known) throws {
        switch (known.updateValue(what, forKey: path), what) {
        case (nil, _), (.folder, .folder): return
        default: throw refusal(path, "the name appears twice")
        }
    }

    private func file(linkedBy link: FilePath, _ target: [UInt8], size: Int) throws -> ResourceFile {
        let path = String(validating: ArchiveContents.withoutDots(target), as: UTF8.self).flatMap { try? FilePath(parsing: $0) }
        guard size == 0, let path, case .file(let index) = known[path] else {
            let shown = FilePath.quoted(String(decoding: target, as: UTF8.self))
            throw refusal(link, "the hard link to \(shown) does not lead to an earlier file of the archive")
        }
        return files[index]
    }

    private mutating func countNames(_ entry: TarReader.Entry) throws {
        nameBytes += entry.name.count
        if case .symlink(let target) = entry.kind { nameBytes += target.count }
        guard nameBytes <= limits.maxNameBytes else {
            throw refusal(entry.shown, "the names in the archive take more than \(limits.maxNameBytes) bytes")
        }
    }

    private mutating func countContent(_ count: Int, _ path: FilePath) throws {
        guard count <= limits.maxUnpackedBytes - unpackedBytes else {
            throw refusal(path, "the archive unpacks to more than \(limits.maxUnpackedBytes) bytes")
        }
        unpackedBytes += count
    }

    private func refusal(_ path: FilePath, _ reason: String) -> ContentError { refusal(FilePath.quoted(path.text), reason) }

    private func refusal(_ shown: String, _ reason: String) -> ContentError { ContentError("entry \(shown): \(reason)") }
}

/// The content of one entry; holds nothing once the entry is over.
private final class EntrySource: ByteSource {
    private let tar: TarReader
    var isOver = false

    init(_ tar: TarReader) { self.tar = tar }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        precondition(!isOver, "the source of an archive entry was read after its entry")
        return try tar.read(into: buffer)
    }
}
