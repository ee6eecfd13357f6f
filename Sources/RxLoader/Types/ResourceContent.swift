public import RxModel

/// The files of one resource, wherever they are: what a resource type reads.
public protocol ResourceContent {
    /// The locator's text, for results and messages that name the resource.
    var locator: String { get }
    /// The paths of every file, sorted.
    var paths: [FilePath] { get }
    /// Whether there is a file of this path.
    func has(_ path: FilePath) -> Bool
    /// The names in a folder, sorted by their bytes, those of folders with a `/` behind them; nil when there is no such folder. The root is
    /// nil.
    func names(in folder: FilePath?) -> [String]?
    /// The bytes of a file; for a symlink, those of the file of this resource that it leads to. Throws `ContentError` when there is none.
    func open(_ path: FilePath) throws -> any ByteSource
}

/// The most bytes of a file that is rendered as text or JSON, and of all the text that one prototype takes in.
public let renderLimit = 64 << 20

extension ResourceContent {
    /// Looks through `paths`.
    public func has(_ path: FilePath) -> Bool { paths.contains(path) }

    /// Looks through `paths`.
    public func names(in folder: FilePath?) -> [String]? {
        let names = SortedPaths(paths).names(in: folder).names.map { $0.0 }
        return names.isEmpty && folder != nil ? nil : names
    }

    /// The whole of a file. Throws `ContentError` naming it when it is larger than `limit` bytes or cannot be read.
    public func bytes(_ path: FilePath, limit: Int = renderLimit) throws -> [UInt8] {
        let source = try open(path)
        do {
            return try source.readAll(limit: limit)
        } catch let error as ContentError where error.code == .contentTooLarge {
            let reason = "is larger than the \(limit) bytes that can be shown as text"
            let hint = "a resource of type binary is passed on as it is, whatever its size"
            throw ContentError("\(locator): file \(FilePath.quoted(path.text)) \(reason)", code: .contentTooLarge, hint: hint)
        }
    }

    /// The whole of a file as text. Throws `ContentError` naming it when it is no UTF-8.
    public func text(_ path: FilePath) throws -> String {
        guard let text = String(validating: try bytes(path), as: UTF8.self) else {
            throw ContentError("\(locator): file \(FilePath.quoted(path.text)) is not UTF-8 text")
        }
        return text
    }

    /// The one file of a type that has a fixed file name. Throws `ResourceTypeError` that says what is there instead.
    func required(_ name: String, type: String) throws -> FilePath {
        let path = FilePath(unchecked: name)
        guard has(path) else {
            let shown = paths.prefix(10).map(\.text).joined(separator: ", ") + (paths.count > 10 ? ", ..." : "")
            let message = "\(locator): type \"\(type)\" needs a file named \"\(name)\"; its files are: \(shown)"
            throw ResourceTypeError(message, code: .invalidContent)
        }
        return path
    }
}

/// The files that a manifest names, with their blobs read through a function.
public struct ManifestContent: ResourceContent, Sendable {
    /// The locator's text.
    public let locator: String
    /// The manifest's files.
    public let tree: ResourceTree
    private let read: @Sendable (ResourceFile) throws -> any ByteSource
    /// Brings the files that are not here; nil where all are.
    private let arrivals: FileArrivals?

    /// Gives the files of `manifest`; `read` opens a blob.
    public init(locator: String, manifest: ResourceManifest, read: @escaping @Sendable (Digest) throws -> any ByteSource) {
        self.init(locator: locator, tree: ResourceTree(manifest)) { try read($0.digest) }
    }

    /// Gives the files of a bound resource; those that are not here are waited for on `network`.
    public init(_ stored: StoredResource, network: BlockingWork = .network) {
        self.init(
            locator: stored.locator.description, tree: ResourceTree(stored.manifest),
            arrivals: stored.isWhole ? nil : FileArrivals(stored, network: network)
        ) { try stored.open($0) }
    }

    private init(
        locator: String, tree: ResourceTree, arrivals: FileArrivals? = nil,
        read: @escaping @Sendable (ResourceFile) throws -> any ByteSource
    ) {
        self.locator = locator
        self.tree = tree
        self.read = read
        self.arrivals = arrivals
    }

    /// Brings the file that a path leads to here, so that `open` does not have to ask anybody. Throws a `ResourceError` when it cannot be had.
    public func prepare(_ path: FilePath) async throws {
        guard let file = resolve(path) else { throw ContentError("File not found: \(path)", code: .notFound) }
        try await prepare(file)
    }

    /// The same for one of the files.
    func prepare(_ file: ResourceFile) async throws { try await arrivals?.bring(file) }

    /// The paths of the manifest's files.
    public var paths: [FilePath] { tree.files.map(\.path) }

    /// Looks the path up.
    public func has(_ path: FilePath) -> Bool { tree.file(path) != nil }

    /// Follows the resource's own symlinks to the folder.
    public func names(in folder: FilePath?) -> [String]? {
        guard case .folder(let place) = tree.find(folder) else { return nil }
        return tree.entries(in: place, limit: .max).entries.map(\.name)
    }

    /// Opens the blob of a file. Throws `ContentError` when the path leads to none.
    public func open(_ path: FilePath) throws -> any ByteSource {
        guard let file = resolve(path) else { throw ContentError("File not found: \(path)", code: .notFound) }
        return try read(file)
    }

    /// The regular file that a path leads to through the resource's own symlinks; nil when it leads nowhere.
    public func resolve(_ path: FilePath) -> ResourceFile? {
        guard case .file(let file) = tree.find(path) else { return nil }
        return file
    }
}
