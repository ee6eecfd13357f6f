/// How a collection goes about its work. Source: Specs/05-store, "Collection".
public struct CollectionOptions: Sendable {
    /// Which manifests without a tag stay, beside those that an index lists, whose subject is there, or that an operation holds.
    public enum Untagged: Hashable, Sendable {
        /// Those that were put by their digest and have had neither tag, index nor subject since; with `hasReaders` also those that lost
        /// their last tag less than a lease time ago.
        case byDigest
        /// All.
        case all
        /// Those that were put, or lost their last tag, less than so many seconds ago; and whatever the number, less than a lease time ago.
        case younger(than: Int)
    }

    /// Only counts what would be deleted.
    public var dryRun: Bool
    /// Shortens the leases of operations that are still running to this time in seconds; nil keeps them.
    public var leaseTime: Int?
    /// Which manifests without a tag stay.
    public var untagged: Untagged
    /// Whether others read from the store without an operation, as clients of a registry do: one that has just asked what a tag means is
    /// about to read that, also when the tag moves.
    public var hasReaders: Bool
    /// Which tags go first; nil lets all stay.
    public var retention: RetentionPolicy?
    /// Whether to wait while another process collects in the same store; else `CollectionRunningError` is thrown. Two at once are harmless,
    /// but do everything twice.
    public var waits: Bool
    /// Told how far it is, and asked whether to go on.
    public var observer: (any CollectionObserver)?

    /// Says how to collect; without anything said, as the rules say that a collection does.
    public init(
        dryRun: Bool = false, leaseTime: Int? = nil, untagged: Untagged = .byDigest, hasReaders: Bool = false,
        retention: RetentionPolicy? = nil, waits: Bool = true, observer: (any CollectionObserver)? = nil
    ) {
        self.dryRun = dryRun
        self.leaseTime = leaseTime
        self.untagged = untagged
        self.hasReaders = hasReaders
        self.retention = retention
        self.waits = waits
        self.observer = observer
    }
}

/// Accompanies a collection; called on its thread, outside of transactions.
public protocol CollectionObserver: Sendable {
    /// So much is done. Gives whether to go on: otherwise the collection ends with what it has deleted so far.
    func reached(_ progress: CollectionProgress) -> Bool
}

/// How far a collection is.
public struct CollectionProgress: Sendable, Equatable {
    /// What is being done.
    public enum Phase: String, Sendable {
        /// Another process collects.
        case waiting
        /// Looking for manifests that nothing keeps, and deleting them.
        case manifests
        /// Going through blobs, leases and files.
        case blobs
    }

    /// What is being done.
    public var phase: Phase
    /// How much of the phase is done, of `total`.
    public var done: Int
    /// How much there is to do in it; 0 where that is not known.
    public var total: Int
    /// What was deleted so far.
    public var report: CollectionReport

    /// Describes a moment.
    public init(phase: Phase, done: Int = 0, total: Int = 0, report: CollectionReport = CollectionReport()) {
        self.phase = phase
        self.done = done
        self.total = total
        self.report = report
    }
}
