import RxCrypto
public import RxModel

/// A resource that is bound: its manifest is here, and its files are, or come when they are asked for.
public struct StoredResource: Sendable {
    /// Where it is stored: with the host that it was copied from, none for what belongs to this store, and the tag that was asked for.
    public let locator: Locator
    /// The SHA-256 of its manifest's bytes.
    public let digest: Digest
    /// What it says of itself, and its files.
    public let manifest: ResourceManifest
    /// Whether all of its files were here when it was found.
    public let isWhole: Bool
    private let files: any FileShelf

    /// Describes a resource that is here as a whole; `open` reads a blob of it.
    public init(
        locator: Locator, digest: Digest, manifest: ResourceManifest, open: @escaping @Sendable (Digest) throws -> any ByteSource
    ) {
        self.init(locator, digest, manifest, isWhole: true, WholeFiles(source: open))
    }

    /// Describes a resource of which some files may have to be fetched first.
    public init(locator: Locator, digest: Digest, manifest: ResourceManifest, files: any FileShelf) {
        self.init(locator, digest, manifest, isWhole: false, files)
    }

    private init(_ locator: Locator, _ digest: Digest, _ manifest: ResourceManifest, isWhole: Bool, _ files: any FileShelf) {
        self.locator = locator
        self.digest = digest
        self.manifest = manifest
        self.isWhole = isWhole
        self.files = files
    }

    /// The same resource under another locator.
    init(moving other: StoredResource, to locator: Locator) {
        self.init(locator, other.digest, other.manifest, isWhole: other.isWhole, other.files)
    }

    /// The same resource, and nobody is ever asked for a file of it.
    public var offline: StoredResource { StoredResource(locator, digest, manifest, isWhole: isWhole, files.offline) }

    /// Whether a file can be read without asking anybody, as far as that is known without looking.
    public func isHere(_ file: ResourceFile) -> Bool { files.isHere(file) }

    /// Those of some files that would have to be fetched. Blocks.
    public func missing(_ files: [ResourceFile]) throws -> [ResourceFile] { try self.files.missing(files) }

    /// Brings files here, those that are not: however many ask at once, each comes once. Blocks. Throws a `ResourceError` that names the
    /// file and the registry when one cannot be had.
    public func fetch(_ files: [ResourceFile]) throws { try self.files.fetch(files) }

    /// The bytes of a file, fetched when they are not here, which throw in place of the end when they are not what the manifest says. Blocks.
    public func open(_ file: ResourceFile) throws -> any ByteSource {
        VerifyingSource(try files.open(file), digest: file.digest, size: file.size)
    }
}

/// What the loader asks of a local store. The calls block; the loader makes them on threads of its own.
public protocol LocalShelf: Sendable {
    /// What is here under a locator, without asking anybody else; nil when nothing is. For a bare locator that may be a copy from a
    /// registry that would be asked for it.
    func stored(_ locator: Locator) throws -> StoredResource?

    /// What is here of the name of a locator, by the digests of the manifests, whatever its tag means: a few, those that came last first. For who
    /// cannot ask what the tag means.
    func contents(named locator: Locator) throws -> [Digest]
}

extension LocalShelf {
    /// Nothing is known.
    public func contents(named locator: Locator) throws -> [Digest] { [] }
}

/// What the loader asks of registries. The calls block; the loader makes them on threads of its own.
public protocol RemoteShelf: Sendable {
    /// Fetches a resource into the local store: from the registry that its locator names, else from the first that has it. Throws
    /// a `ResourceError`.
    func fetched(_ locator: Locator) throws -> StoredResource
    /// The same, but of a resource of a type that `partly` is true for only the manifest is fetched, and each file when it is read.
    func fetched(_ locator: Locator, partly: (_ type: String) -> Bool) throws -> StoredResource
    /// The manifest digest that a locator's tag names now. Throws a `ResourceError`.
    func digest(of locator: Locator) throws -> Digest
}

extension RemoteShelf {
    /// Fetches all of it.
    public func fetched(_ locator: Locator, partly: (_ type: String) -> Bool) throws -> StoredResource { try fetched(locator) }
}
