public import RxModel
import RxPosix

extension DiskStore {
    public func explain(_ digest: ContentDigest, _ options: CollectionOptions) throws -> Explanation? {
        try catalog.read { database in
            let facts = CatalogFacts(database: database)
            let times = CollectionTimes(options, leaseTime: leaseTime, now: try facts.now)
            return try facts.explanation(of: digest, options, times) { digest, size in try notes(on: digest, size: size, database) }
        }
    }

    public func usage() throws -> StoreUsage { try catalog.read { try CatalogFacts(database: $0).usage() } }

    /// What is to be said of a blob's file; `size` is nil where the blob has no row.
    private func notes(on digest: Digest, size: Int?, _ database: Database) throws -> [Explanation.Note] {
        var notes: [Explanation.Note] = []
        if let size, try !layout.holds(digest, size: size) { notes.append(.missing) }
        if size == nil, try Files.status(layout.blob(digest)) != nil { notes.append(.orphan) }
        if try database.first("SELECT 1 FROM fresh WHERE digest = ?", .digest(digest), map: { _ in true }) != nil { notes.append(.fresh) }
        if Files.isFolder(layout.damaged), try Files.names(in: layout.damaged).contains(where: { $0.hasPrefix(digest.hex) }) {
            notes.append(.damaged)
        }
        if try Files.names(in: layout.trash).contains(where: { $0.contains(digest.hex) }) { notes.append(.trash) }
        return notes
    }
}

extension StoreFacts {
    /// Everything that has a digest, and why it stays or goes; nil when nothing has it. `notes` says what there is of a blob's file.
    func explanation(
        of name: ContentDigest, _ options: CollectionOptions, _ times: CollectionTimes,
        notes: (Digest, _ size: Int?) throws -> [Explanation.Note]
    ) throws -> Explanation? {
        guard let digest = try digest(of: name) else { return nil }
        let reachability: Reachability<Self>
        if let policy = options.retention {
            reachability = RetentionPlan(self, policy, times).reachability
        } else {
            reachability = Reachability(facts: self, times: times) { _, _ in nil }
        }
        var parts = try nodes(digest).map { try reachability.explain($0) }
        parts += try partialCopies(of: digest).map { copy in
            Explanation.Part(subject: .partialCopy(copy.place), stays: true, reasons: [Reason(.used(copy.lastUse))])
        }
        let size = try size(of: digest)
        let notes = try notes(digest, size)
        if let size {
            parts.append(try reachability.explain(digest, size: size, notes: notes))
        } else if !notes.isEmpty {
            parts.append(Explanation.Part(subject: .file, stays: false, reasons: [], notes: notes))
        }
        return parts.isEmpty ? nil : Explanation(digest: digest, parts: parts)
    }
}
