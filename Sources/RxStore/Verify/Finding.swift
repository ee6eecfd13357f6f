public import RxModel

/// One thing that is wrong with a store. Source: Specs/05-store, "Verify".
public struct Finding: Sendable, Equatable {
    /// What is wrong; the raw value is its name in JSON.
    public enum Kind: String, Sendable, CaseIterable {
        /// SQLite finds its own file wrong.
        case catalog
        /// A blob that a manifest names has a row and no file.
        case blobMissing = "blob-missing"
        /// A blob's file has another length than its row.
        case blobLength = "blob-length"
        /// A blob's file has other bytes than its name says.
        case blobBytes = "blob-bytes"
        /// A blob's file cannot be read.
        case blobUnreadable = "blob-unreadable"
        /// A manifest names a blob that has no row.
        case rowMissing = "row-missing"
        /// A blob's row has another length than its file, whose bytes are right.
        case rowSize = "row-size"
        /// A manifest's bytes are not those that its digest names.
        case manifestBytes = "manifest-bytes"
        /// What the catalog keeps beside a manifest does not follow from its bytes: tree digest, sizes, definition, type, subject.
        case manifestFacts = "manifest-facts"
        /// The blobs that the catalog files under a manifest are not those that it names.
        case references
        /// The manifests that the catalog files under an index are not those that it lists.
        case children
        /// A tag names no manifest, or one of another repository.
        case tag
        /// The search index does not say what the manifests say.
        case search
        /// The modules that the catalog files under a manifest are not those that it provides.
        case provides
        /// A `sha512:` name is of other bytes, or one that a manifest uses is not known.
        case alias
        /// What the catalog has of a copy of which only some files are here does not agree with its manifest.
        case partial
        /// The catalog holds a time that cannot be.
        case time
        /// The bytes that the catalog holds of a small blob are not the blob's.
        case fresh
        /// Something derived is wrong: a chunk index, an archive, the hash cache.
        case cache
    }

    /// What is wrong.
    public let kind: Kind
    /// The same in words.
    public let message: String
    /// The blob or manifest that is meant; nil when it is about none.
    public let digest: Digest?
    /// The file that is meant; nil when it is about none.
    public let path: String?
    /// Locators of what cannot be used as long as this is so; of very many only some.
    public let resources: [String]
    /// What a person can do; nil when nothing needs to be done.
    public var advice: String?
    /// Whether it was put right.
    public var isRepaired = false

    /// Describes something that is wrong.
    public init(
        _ kind: Kind, _ message: String, digest: Digest? = nil, path: String? = nil, resources: [String] = [], advice: String? = nil
    ) {
        self.kind = kind
        self.message = message
        self.digest = digest
        self.path = path
        self.resources = resources
        self.advice = advice
    }
}

/// What is there and is no damage: a collection removes it, or has decided nothing about it.
public enum Leftover: String, Sendable, CaseIterable {
    /// Files in `blobs/` without a row.
    case orphans
    /// Rows of blobs without a file that no manifest names: nobody is told that they are there.
    case unfinished
    /// Files in `blobs/` that are named like no blob.
    case strangers
    /// Staging folders of operations that are over.
    case staging
    /// What is in `trash/`.
    case trash
    /// Uploads whose time has passed, or that have a row or a file alone.
    case uploads
    /// Leases that live, on blobs that are not there.
    case leases
    /// `sha512:` names of what is gone.
    case names
    /// Files that were found damaged and set aside.
    case damaged
}

/// What a check of a store found.
public struct VerifyReport: Sendable, Equatable {
    /// The most findings that are listed; more are counted.
    public static let listed = 10_000

    /// The blobs that have a row.
    public var blobs = 0
    /// Their bytes.
    public var bytes = 0
    /// The blobs whose bytes were hashed.
    public var hashedBlobs = 0
    /// Those bytes.
    public var hashedBytes = 0
    /// The manifests that were read.
    public var manifests = 0
    /// The tags that were looked at.
    public var tags = 0
    /// The copies of which only some files are here that were looked at.
    public var partialCopies = 0
    /// What is wrong, in the order it was found, the first `listed`.
    public internal(set) var findings: [Finding] = []
    /// How much is wrong, listed or not.
    public internal(set) var found = 0
    /// How much of that was repaired.
    public internal(set) var repaired = 0
    /// What is no damage.
    public var leftovers: [Leftover: Int] = [:]
    /// How many seconds the newest time that the store has seen is ahead of this machine's clock; nil when that is not far.
    public internal(set) var clockAhead: Int?
    /// So many seconds ahead, and more, is far.
    static let farAhead = 86_400

    /// A report of nothing.
    public init() {}

    /// Whether the store is as it should be, now.
    public var isClean: Bool { found == repaired }

    /// Adds a finding.
    public mutating func add(_ finding: Finding) {
        found += 1
        if finding.isRepaired { repaired += 1 }
        if findings.count < VerifyReport.listed { findings.append(finding) }
    }
}
