import RxModel

/// What the catalog says, one question each: what explains, retains, measures and evicts is written once over this, for the store on disk
/// and for its twin in memory. Answers are of one moment.
protocol StoreFacts {
    /// A manifest in one repository.
    associatedtype Node: Hashable

    /// The newest time that the store has seen, in seconds since 1970.
    var now: Int { get throws }

    /// The SHA-256 of what a digest names; nil when it is not known.
    func digest(of name: ContentDigest) throws -> Digest?

    /// A manifest in every repository that has it.
    func nodes(_ digest: Digest) throws -> [Node]

    /// A manifest in one repository; nil when it is not there.
    func node(_ place: ManifestPlace) throws -> Node?

    /// Where a manifest is.
    func place(of node: Node) throws -> ManifestPlace

    /// What keeps a manifest by itself.
    func standing(of node: Node) throws -> Standing

    /// The tags on a manifest, in the order of their bytes.
    func tags(on node: Node) throws -> [TagFact]

    /// The indexes of the same repository that list a manifest.
    func indexes(listing node: Node) throws -> [Node]

    /// The manifest of the same repository that a manifest refers to; nil when it refers to none that is there.
    func subject(of node: Node) throws -> Node?

    /// The length of a blob that is present; nil when there is no row of it.
    func size(of blob: Digest) throws -> Int?

    /// The manifests that name a blob: their number, and at most `limit` of them.
    func nodes(naming blob: Digest, limit: Int) throws -> (count: Int, nodes: [Node])

    /// The leases on a digest, those that end last first.
    func leases(on digest: Digest) throws -> [LeaseFact]

    /// Whether an operation holds a manifest, or leases every blob that it names, beyond now.
    func isInUse(_ node: Node) throws -> Bool

    /// This store's own repositories that have a tag.
    func taggedRepositories() throws -> [String]

    /// The tags of one of this store's own repositories.
    func tags(of repository: String) throws -> [TagFact]

    /// How many tags of one of this store's own repositories were put after another one, at most `limit`. Those that list or sign another
    /// manifest do not count.
    func newerTags(than seq: Int, in repository: String, limit: Int) throws -> Int

    /// How many tags a repository has; by registry and repository.
    func tagCounts() throws -> [RepositoryName: Int]

    /// Goes through every manifest.
    func eachManifest(_ body: (Node, RepositoryName) throws -> Void) throws

    /// Goes through every blob that is present, with its length, the manifests that name it, and the ids of the partial copies that keep it.
    func eachBlob(_ body: (_ size: Int, _ named: [Node], _ partial: [Int]) throws -> Void) throws

    /// The copies from registries that have a tag, with when each was last used or put.
    func copies() throws -> [(node: Node, lastUse: Int)]

    /// When a copy was last used or put; nil when it has no tag.
    func lastUse(of copy: Node) throws -> Int?

    /// The copies of which only some files are here.
    func partialCopies() throws -> [PartialFact]

    /// Those that keep a blob, at most `limit` of them.
    func partialCopies(keeping blob: Digest, limit: Int) throws -> [ManifestPlace]

    /// The partial copies of a manifest in every repository, with when they were last used.
    func partialCopies(of manifest: Digest) throws -> [(place: ManifestPlace, lastUse: Int)]
}

/// A partial copy as it is measured and evicted.
struct PartialFact {
    let id: Int
    let place: ManifestPlace
    /// The tags that mean it, in the order of their bytes.
    let tags: [String]
    let lastUse: Int
    /// How many bytes its manifest has.
    let manifestSize: Int
}

/// A tag as it is judged.
struct TagFact: Equatable {
    let tag: String
    /// The SHA-256 of the manifest that it names.
    let manifest: Digest
    let updatedAt: Int
    let seq: Int
    /// Whether its manifest is pinned.
    let isPinned: Bool

    /// The digest of the manifest that it lists or signs, when it is named after one. Source: Specs/11-distribution, OCI-154.
    var asideOf: ContentDigest? {
        guard tag.utf8.count >= 71, tag.hasPrefix("sha256-") || tag.hasPrefix("sha512-") else { return nil }
        let digits = tag.dropFirst(7).prefix(tag.hasPrefix("sha256-") ? 64 : 128)
        return ContentDigest("\(tag.prefix(6)):\(digits)")
    }
}

/// What keeps a manifest by itself, besides its tags.
struct Standing: Equatable {
    /// When it was pinned; nil when it is not.
    var pinnedAt: Int?
    /// Whether it was put by its digest, and has had neither tag, index nor subject since.
    var isByDigest = false
    /// Since when it has no tag; nil for one that has, and for one that only an index or its subject has kept.
    var untaggedSince: Int?
}

/// A lease as the catalog has it.
struct LeaseFact: Equatable {
    let owner: String
    let until: Int

    /// Whether it keeps a manifest and all that it names.
    var isHold: Bool { owner.hasPrefix(Database.holder) }
    /// The repository whose lease it is; nil for an operation's.
    var repository: String? { owner.hasPrefix(repositoryOwner("")) ? String(owner.dropFirst(repositoryOwner("").count)) : nil }
}

/// A repository, and the registry that it was copied from.
struct RepositoryName: Hashable {
    let registry: String
    let repository: String
}
