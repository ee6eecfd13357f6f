public import RxModel

/// What a check of a store does.
public struct VerifyOptions: Sendable {
    /// How many blobs are hashed, chosen at random; nil for all of them.
    public var sample: Int?
    /// Whether what can be put right is.
    public var repairs: Bool

    /// Describes a check.
    public init(sample: Int? = nil, repairs: Bool = false) {
        self.sample = sample
        self.repairs = repairs
    }
}

/// A blob whose bytes are nowhere in the store, and who names it.
public struct LostBlob: Sendable, Hashable {
    /// Where one of the manifests is that name it.
    public struct Place: Sendable, Hashable {
        /// The host that the copy came from, or "" for what is the store's own.
        public let registry: String
        /// The repository.
        public let repository: String
        /// The manifest.
        public let manifest: Digest
    }

    /// The blob and its length.
    public let blob: StagedBlob
    /// Some of the manifests that name it; none for a lost manifest.
    public let places: [Place]
}

/// Does for a check what the store cannot do by itself. Called from several threads.
public protocol VerifyHelper: Sendable {
    /// So much is going to be looked at.
    func begin(_ what: String, blobs: Int, bytes: Int)

    /// More of it was.
    func advance(blobs: Int, bytes: Int)

    /// It is over.
    func end()

    /// Puts those of the blobs into the store that it gets from elsewhere; what cannot be had stays lost. Throws what no other blob could
    /// be had after, either.
    func fetch(_ lost: [LostBlob]) throws

    /// The bytes of a manifest, from where it came from; nil when it cannot be had.
    func manifest(_ place: LostBlob.Place) throws -> [UInt8]?
}

extension VerifyHelper {
    /// Tells nobody.
    public func begin(_ what: String, blobs: Int, bytes: Int) {}
    /// Tells nobody.
    public func advance(blobs: Int, bytes: Int) {}
    /// Tells nobody.
    public func end() {}
    /// Gets nothing.
    public func fetch(_ lost: [LostBlob]) throws {}
    /// Gets nothing.
    public func manifest(_ place: LostBlob.Place) throws -> [UInt8]? { nil }
}

/// Helps with nothing: what the store has is all there is.
public struct NoHelp: VerifyHelper {
    /// Makes one.
    public init() {}
}

/// Compares a store with itself.
public protocol Verifier: Sendable {
    /// Looks for everything that is wrong, beside whatever others do to the store meanwhile; what they do is never taken for damage.
    /// Source: Specs/05-store, "Verify".
    func verify(_ options: VerifyOptions, with helper: any VerifyHelper) throws -> VerifyReport
}
