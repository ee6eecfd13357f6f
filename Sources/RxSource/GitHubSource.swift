public import RxArchive
public import RxModel

/// A folder of a GitHub repository: `https://github.com/OWNER/REPO/tree/BRANCH[/PATH]`, read from the branch's archive.
///
/// BRANCH is a branch, a tag or a commit. It is one segment; a `/` in it is written `%2F`. Source: Specs/10-sources.
public struct GitHubSource: ResourceSource {
    /// Gives the bytes at a URL; throws when they cannot be had.
    public typealias Fetch = @Sendable (_ url: String) throws -> any ByteSource

    /// The URL in front of OWNER.
    public static let base = "https://github.com"
    /// The longest file that a detector reads, in bytes.
    static let readLimit = 1 << 20

    private let base: String
    private let limits: ArchiveLimits
    private let fetch: Fetch

    /// Downloads through `fetch`, from `base`.
    public init(base: String = GitHubSource.base, limits: ArchiveLimits = ArchiveLimits(), fetch: @escaping Fetch) {
        self.base = base
        self.limits = limits
        self.fetch = fetch
    }

    /// Whether the text is such a URL.
    public func accepts(_ text: String) -> Bool { Page(text) != nil }

    /// Downloads the branch's archive once, hands the folder's files to `stage`, and detects what they are.
    public func load(_ text: String, detectors: DetectorList, stage: StageContent) throws -> SourceResource {
        guard let page = Page(text) else { throw ContentError.cannotLoad(text) }
        let kept = KeptFiles(reads: detectors.reads, limit: GitHubSource.readLimit)
        var found = false
        let all: [ResourceFile]
        do {
            all = try readArchive(
                fetch(page.archive(at: base)), limits: limits,
                select: { path in
                    let inside = page.inside(path)
                    found = found || inside != nil
                    kept.current = inside
                    return inside
                },
                stage: { try kept.stage($0, stage) })
        } catch let error as ContentError where error.code == .contentRequired && !found {
            let folder = page.folder.joined(separator: "/")
            throw ContentError.cannotLoad(text, hint: "the repository has no folder \(folder) on \(page.branch)")
        }
        kept.forget(all.filter { $0.symlink != nil })
        var ignored = IgnoreTree(kept.ignoreFiles)
        let files = all.filter { !ignored.excludes($0.path) }
        let candidate = SourceCandidate(name: page.name, files: files.map(\.path)) { path in
            guard let bytes = kept.bytes[path] else {
                throw ContentError("entry \(FilePath.quoted(path.text)): must be a file of at most \(GitHubSource.readLimit) bytes")
            }
            return bytes
        }
        let detection = try detectors.detect(candidate, source: text)
        let content = files.filter { !detection.metadata.contains($0.path) }
        return SourceResource(definition: detection.definition, content: .staged(content))
    }
}

/// The parts of a page's URL.
private struct Page {
    let owner: String
    let repository: String
    let branch: String
    let folder: [String]

    init?(_ text: String) {
        let front = GitHubSource.base + "/"
        guard text.hasPrefix(front), !text.contains("?"), !text.contains("#") else { return nil }
        let rest = text.dropFirst(front.count)
        var parts: [String] = []
        for part in rest.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let decoded = PercentEncoding.decode(Substring(part)) else { return nil }
            parts.append(decoded)
        }
        if parts.last == "" { parts.removeLast() }
        guard parts.count >= 4, parts[2] == "tree", !parts[0].contains("/"), !parts[1].contains("/") else { return nil }
        let segments = parts.flatMap { $0.split(separator: "/", omittingEmptySubsequences: false) }
        guard segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }) else { return nil }
        (owner, repository, branch, folder) = (parts[0], parts[1], parts[3], Array(parts[4...]))
    }

    /// What the folder is called.
    var name: String { folder.last ?? repository }

    func archive(at base: String) -> String {
        let branch = PercentEncoding.encode(branch, keeping: "/")
        return "\(base)/\(PercentEncoding.encode(owner))/\(PercentEncoding.encode(repository))/archive/\(branch).tar.gz"
    }

    /// The path below the folder, of an entry's path with the archive's top folder in front; nil when it is elsewhere.
    func inside(_ path: FilePath) -> FilePath? {
        let segments = path.segments
        guard segments.count > folder.count + 1 else { return nil }
        for (segment, expected) in zip(segments[1...], folder) where !segment.utf8.elementsEqual(expected.utf8) { return nil }
        return FilePath(unchecked: segments[(folder.count + 1)...].joined(separator: "/"))
    }
}

/// The few small files of an archive that are looked at after it has passed by.
private final class KeptFiles {
    /// The most bytes that are kept in all.
    static let totalLimit = 8 << 20

    /// The file that is staged next.
    var current: FilePath?
    private let reads: Set<String>
    private let limit: Int
    private var total = 0
    /// What was kept.
    private(set) var bytes: [FilePath: [UInt8]] = [:]

    init(reads: Set<String>, limit: Int) {
        self.reads = reads
        self.limit = limit
    }

    /// Drops what is not a file.
    func forget(_ symlinks: [ResourceFile]) { for symlink in symlinks { bytes[symlink.path] = nil } }

    var ignoreFiles: [FilePath: [UInt8]] { bytes.filter { $0.key.name == IgnoreScope.fileName } }

    func stage(_ source: any ByteSource, _ stage: StageContent) throws -> (digest: Digest, size: Int) {
        guard let current else { return try stage(source) }
        let isIgnoreFile = current.name == IgnoreScope.fileName
        guard isIgnoreFile || current.parent == nil && reads.contains(current.text) else { return try stage(source) }
        let copy = CopyingSource(source, limit: limit)
        let staged = try stage(copy)
        bytes[current] = copy.bytes
        total += copy.bytes?.count ?? 0
        if isIgnoreFile, copy.bytes == nil || total > KeptFiles.totalLimit {
            throw ContentError("entry \(FilePath.quoted(current.text)): too large for a list of patterns", code: .contentTooLarge)
        }
        return staged
    }
}

/// Keeps a copy of what is read, unless that is too much.
private final class CopyingSource: ByteSource {
    private let source: any ByteSource
    private let limit: Int
    private(set) var bytes: [UInt8]? = []

    init(_ source: any ByteSource, limit: Int) {
        self.source = source
        self.limit = limit
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try source.read(into: buffer)
        if let held = bytes?.count, held + count > limit { bytes = nil }
        bytes?.append(contentsOf: buffer[..<count])
        return count
    }
}
