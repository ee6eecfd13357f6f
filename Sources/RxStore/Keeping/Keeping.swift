public import RxModel

/// Keeps manifests, whatever happens to their tags. Source: Specs/05-store, "Keeping".
public protocol PinStore: Sendable {
    /// Pins a stored resource's manifest in its repository: no collection deletes it, or what it names, until it is unpinned. False when
    /// it was pinned before. Throws `RegistryError` "Resource not found" when it has gone meanwhile.
    func pin(_ record: ResourceRecord) throws -> Bool

    /// Ends the pin of a record's manifest in its repository; false when there is none.
    func unpin(_ record: ResourceRecord) throws -> Bool

    /// Every pin, by registry, repository and digest.
    func pins() throws -> [Pin]
}

/// A manifest that stays whatever happens to its tags.
public struct Pin: Sendable, Equatable {
    /// Where it is: registry and repository.
    public let place: ManifestPlace
    /// The tags on it, in the order of their bytes.
    public let tags: [String]
    /// When it was pinned, in seconds since 1970.
    public let pinnedAt: Int

    /// Describes a pin.
    public init(place: ManifestPlace, tags: [String], pinnedAt: Int) {
        self.place = place
        self.tags = tags
        self.pinnedAt = pinnedAt
    }
}

/// A manifest in one repository.
public struct ManifestPlace: Hashable, Sendable, CustomStringConvertible {
    /// "" for this store's own, else the host it was copied from.
    public let registry: String
    /// Path and name.
    public let repository: String
    /// The SHA-256 of the manifest's bytes.
    public let digest: Digest

    /// Names a place.
    public init(registry: String, repository: String, digest: Digest) {
        self.registry = registry
        self.repository = repository
        self.digest = digest
    }

    /// A tag on this manifest.
    public func reference(_ tag: String) -> Reference { Reference(registry: registry, repository: repository, tag: tag) }

    /// The repository, under the host that it was copied from.
    public var repositoryText: String { registry.isEmpty ? repository : "\(registry)/\(repository)" }

    /// The locator's text: repository and digest.
    public var description: String { "\(repositoryText)@\(digest)" }
}

/// Tells why things stay or go. Source: Specs/05-store, "Keeping".
public protocol CollectionExplainer: Sendable {
    /// Why a blob or manifest stays or goes when a collection runs now with these options; nil for a digest that nothing here has.
    func explain(_ digest: ContentDigest, _ options: CollectionOptions) throws -> Explanation?
}

/// Measures what takes the space.
public protocol UsageReporter: Sendable {
    /// What each repository takes, by what the catalog says of blobs that are present; no file is looked at.
    func usage() throws -> StoreUsage
}

/// Keeps the copies of what registries hold small.
public protocol CopyCache: Sendable {
    /// Notes that a copy from a registry is used now, at most once an hour; nothing for this store's own.
    func noteUse(of record: ResourceRecord) throws

    /// Removes tags of copies, least recently used first, until the bytes that only copies name fit into `limit`: never those of `spared`, of
    /// a pinned manifest, or of one that an operation uses. The content goes with the next collection. With `dryRun` only tells.
    func evictCopies(to limit: Int, sparing spared: ManifestPlace?, dryRun: Bool) throws -> Eviction
}

/// All that decides what stays.
public protocol Keeper: PinStore, CollectionExplainer, UsageReporter, CopyCache {}
