public import RxModel
public import RxStore

extension Client {
    /// What a pin or its end was about.
    public struct Pinning: Sendable {
        /// What is stored under the locator.
        public let record: ResourceRecord
        /// Whether anything changed.
        public let isChange: Bool
    }

    /// Pins what is stored under a locator. Throws `RegistryError` when nothing is.
    public func pin(_ locator: Locator) throws -> Pinning {
        guard let record = try local(locator) else { throw try notHere(locator) }
        return Pinning(record: record, isChange: try store.pin(record))
    }

    /// Ends the pin of what is stored under a locator. Throws `RegistryError` when nothing is, or it is not pinned.
    public func unpin(_ locator: Locator) throws -> ResourceRecord {
        guard let record = try local(locator) else { throw try notHere(locator) }
        guard try store.unpin(record) else {
            let repository = record.reference.repository
            let other = try store.pins().first { $0.place.registry == record.reference.registry && $0.place.repository == repository }
            throw RegistryError(
                "Not pinned: \(locator) (\(record.manifestDigest))", code: .notFound,
                hint: other.map { "\($0.place) is: name it by its digest" } ?? "rx pin shows what is pinned")
        }
        return record
    }

    private func notHere(_ locator: Locator) throws -> RegistryError {
        let error = try notFound(locator)
        return RegistryError(error.message, code: error.code, hint: "only what is stored here can be pinned: rx pull it, or rx list")
    }

    /// Why a blob or manifest stays or goes. Throws `RegistryError` for a digest that nothing here has.
    public func explain(_ digest: ContentDigest, _ options: CollectionOptions) throws -> Explanation {
        guard let explanation = try store.explain(digest, options) else {
            throw RegistryError("Digest not found: \(digest)", code: .notFound, hint: "no blob, manifest or file here has it")
        }
        return explanation
    }

    /// What was removed from the cache, and what a collection deleted after it.
    public struct Pruning: Sendable {
        /// The most bytes that only copies may need.
        public let limit: Int
        /// The copies that went.
        public let eviction: Eviction
        /// What was deleted; nil for a dry run, and where another process collects.
        public let collection: CollectionReport?
    }

    /// The bytes that copies may take by the configuration; nil where that says nothing of them.
    public var cacheSize: Int? { get throws { try configuration.cacheSize } }

    /// Removes copies, least recently used first, until they fit into `limit` bytes; then collects.
    public func prune(to limit: Int, dryRun: Bool) throws -> Pruning { try prune(to: limit, sparing: nil, dryRun: dryRun) }

    /// The same after a pull, into the bytes of the configuration; what was pulled stays. Nil when nothing had to go. A failure is none of
    /// the pull's: the next one tries again.
    func pruneAfterPull(of place: ManifestPlace) -> Pruning? {
        guard let limit = try? configuration.cacheSize, let pruning = try? prune(to: limit, sparing: place, dryRun: false) else {
            return nil
        }
        return pruning.eviction.copies.isEmpty ? nil : pruning
    }

    private func prune(to limit: Int, sparing spared: ManifestPlace?, dryRun: Bool) throws -> Pruning {
        let eviction = try store.evictCopies(to: limit, sparing: spared, dryRun: dryRun)
        guard !dryRun, !eviction.copies.isEmpty else { return Pruning(limit: limit, eviction: eviction, collection: nil) }
        do {
            let report = try store.collect(CollectionOptions(waits: spared == nil))
            return Pruning(limit: limit, eviction: eviction, collection: report)
        } catch is CollectionRunningError { return Pruning(limit: limit, eviction: eviction, collection: nil) }
    }
}
