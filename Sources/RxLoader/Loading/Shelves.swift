import RxCrypto
public import RxModel

/// A resource that a store has, whole or ready to be read.
public struct StoredResource: Sendable {
    /// Where it is stored: with the host that it was copied from, none for what belongs to this store, and the tag that was asked for.
    public let locator: Locator
    /// The SHA-256 of its manifest's bytes.
    public let digest: Digest
    /// What it says of itself, and its files.
    public let manifest: ResourceManifest
    private let source: @Sendable (Digest) throws -> any ByteSource

    /// Describes a stored resource; `open` reads a blob of it.
    public init(
        locator: Locator, digest: Digest, manifest: ResourceManifest, open: @escaping @Sendable (Digest) throws -> any ByteSource
    ) {
        self.locator = locator
        self.digest = digest
        self.manifest = manifest
        source = open
    }

    /// The same resource under another locator.
    init(moving other: StoredResource, to locator: Locator) {
        self.init(locator: locator, digest: other.digest, manifest: other.manifest, open: other.source)
    }

    /// The bytes of a file, which throw in place of the end when they are not what the manifest says.
    package func open(_ file: ResourceFile) throws -> any ByteSource {
        VerifyingSource(try source(file.digest), digest: file.digest, size: file.size)
    }
}

/// What the loader asks of a local store. The calls block; the loader makes them on threads of its own.
public protocol LocalShelf: Sendable {
    /// What is here under a locator, without asking anybody else; nil when nothing is. For a bare locator that may be a copy from a
    /// registry that would be asked for it.
    func stored(_ locator: Locator) throws -> StoredResource?
}

/// What the loader asks of registries. The calls block; the loader makes them on threads of its own.
public protocol RemoteShelf: Sendable {
    /// Fetches a resource into the local store: from the registry that its locator names, else from the first that has it. Throws
    /// a `ResourceError`.
    func fetched(_ locator: Locator) throws -> StoredResource
    /// The manifest digest that a locator's tag names now. Throws a `ResourceError`.
    func digest(of locator: Locator) throws -> Digest
}
