public import RxModel

/// What a collection deleted, or would delete, and what it left.
public struct CollectionReport: Sendable, Equatable {
    /// Files and rows that nothing accounts for, by what they were.
    public struct Leftovers: Sendable, Equatable {
        /// Staging folders of operations that died.
        public var staging = 0
        /// Uploads that nobody went on with in time.
        public var uploads = 0
        /// Fronts of long blobs that nobody went on with.
        public var partials = 0
        /// Blob files without a row.
        public var orphans = 0
        /// Cached archives of manifests that are gone.
        public var archives = 0

        /// All of them.
        public var total: Int { staging + uploads + partials + orphans + archives }

        /// None.
        public init() {}
    }

    /// What stays, each counted under the first of these that keeps it.
    public struct Kept: Sendable, Equatable {
        /// Manifests that a tag names.
        public var tagged = 0
        /// Manifests without a tag that are pinned.
        public var pinned = 0
        /// Manifests that an index lists.
        public var listed = 0
        /// Manifests whose subject stays.
        public var referrers = 0
        /// Manifests that an operation holds.
        public var held = 0
        /// Manifests without a tag that the rule for those leaves.
        public var untagged = 0
        /// Blobs that a manifest names.
        public var named = 0
        /// Blobs that are leased, and that no manifest names.
        public var leased = 0

        /// Nothing.
        public init() {}
    }

    /// Tags that retention rules let go, by repository.
    public var expired: [ExpiredTag] = []
    /// Blobs without a manifest or live lease.
    public var blobs: Int
    /// Their bytes.
    public var bytes: Int
    /// Manifests that nothing keeps.
    public var manifests: Int
    /// Those of them that refer to another manifest.
    public var referrers = 0
    /// What nothing accounts for.
    public var leftoverKinds = Leftovers()
    /// What stays.
    public var kept = Kept()
    /// How long it took, in seconds.
    public var seconds = 0.0
    /// Whether it went through everything, and was not asked to end.
    public var isComplete = true

    /// How many files and rows nothing accounted for.
    public var leftovers: Int { leftoverKinds.total }

    /// Makes a report.
    public init(blobs: Int = 0, bytes: Int = 0, manifests: Int = 0) {
        self.blobs = blobs
        self.bytes = bytes
        self.manifests = manifests
    }

    /// The report as commands and the server's log tell it. Source: Specs/09-command-line, CLI-071.
    public func json(dryRun: Bool = false) -> JSON {
        let milliseconds = Int(seconds * 1000)
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        return .members([
            "dryRun": .bool(dryRun), "blobs": .integer(blobs), "bytes": .integer(bytes), "manifests": .integer(manifests),
            "tags": .array(expired.map(\.json)),
            "referrers": .integer(referrers), "leftovers": .integer(leftovers),
            "leftoversByKind": .members([
                "staging": .integer(leftoverKinds.staging), "uploads": .integer(leftoverKinds.uploads),
                "partials": .integer(leftoverKinds.partials), "orphans": .integer(leftoverKinds.orphans),
                "archives": .integer(leftoverKinds.archives),
            ]),
            "kept": .members([
                "tagged": .integer(kept.tagged), "pinned": .integer(kept.pinned), "listed": .integer(kept.listed),
                "referrers": .integer(kept.referrers),
                "held": .integer(kept.held), "untagged": .integer(kept.untagged), "named": .integer(kept.named),
                "leased": .integer(kept.leased),
            ]),
            "seconds": .number("\(milliseconds / 1000).\(fraction)"), "complete": .bool(isComplete),
        ])
    }

    /// What was deleted, or would be, and nothing of what stays: two collections that find the same garbage have equal ones.
    public struct Deleted: Sendable, Equatable {
        /// Tags that retention rules let go.
        public let expired: [ExpiredTag]
        /// How many blobs.
        public let blobs: Int
        /// Their bytes.
        public let bytes: Int
        /// How many manifests.
        public let manifests: Int
        /// Those of them that refer to another manifest.
        public let referrers: Int
        /// What nothing accounts for.
        public let leftovers: Leftovers
    }

    /// What was deleted.
    public var deleted: Deleted {
        Deleted(expired: expired, blobs: blobs, bytes: bytes, manifests: manifests, referrers: referrers, leftovers: leftoverKinds)
    }
}

/// Another process collects in the same store.
public struct CollectionRunningError: ResourceError, Equatable {
    public let code = ErrorCode.overloaded
    public var message: String { "another process collects garbage in this store" }
    public var hint: String? { "let it finish" }

    /// Makes the error.
    public init() {}
}
