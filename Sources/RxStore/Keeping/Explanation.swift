public import RxModel

/// Why something stays or goes when a collection runs.
public struct Explanation: Sendable, Equatable {
    /// What a digest is here.
    public enum Subject: Sendable, Equatable {
        /// A blob, with its length in bytes.
        case blob(Int)
        /// A manifest in one repository.
        case manifest(ManifestPlace)
        /// The manifest of a copy of which only some files are here.
        case partialCopy(ManifestPlace)
        /// A file of this name that no row of the catalog names.
        case file
    }

    /// Something else worth knowing of a blob's file.
    public enum Note: String, Sendable {
        /// The catalog has no row of it: a collection deletes the file.
        case orphan
        /// Its bytes are in the catalog, too, until its file is durable.
        case fresh
        /// Its file is missing, or has another length.
        case missing
        /// A file of this name was found damaged and set aside.
        case damaged
        /// A collection is deleting a file of this name.
        case trash
    }

    /// One thing that has the digest.
    public struct Part: Sendable, Equatable {
        /// What it is.
        public let subject: Subject
        /// Whether it stays.
        public let stays: Bool
        /// What keeps it, or why nothing does: at most ten of them.
        public let reasons: [Reason]
        /// How many more tags, indexes or manifests name it, and were not looked at or are not told.
        public let more: Int
        /// What else is to be said.
        public let notes: [Note]

        /// Describes one thing.
        public init(subject: Subject, stays: Bool, reasons: [Reason], more: Int = 0, notes: [Note] = []) {
            self.subject = subject
            self.stays = stays
            self.reasons = reasons
            self.more = more
            self.notes = notes
        }
    }

    /// The digest, as it is written by its SHA-256.
    public let digest: Digest
    /// Everything that has it: a manifest in each of its repositories, a blob, a file.
    public let parts: [Part]

    /// Puts parts together.
    public init(digest: Digest, parts: [Part]) {
        self.digest = digest
        self.parts = parts
    }
}

/// One reason, with what is behind it.
public struct Reason: Sendable, Equatable {
    /// What keeps something, or does not.
    public enum Kind: Sendable, Equatable {
        /// A tag names it.
        case tag(Reference)
        /// It is pinned since then (seconds since 1970).
        case pin(since: Int)
        /// It was put by its digest, and has had neither tag, index nor subject since.
        case byDigest
        /// It has no tag, since then (seconds since 1970; nil where an index or its subject was all that it ever had), and the rule for such
        /// manifests leaves it.
        case untagged(since: Int?)
        /// An operation reads it until then, at most.
        case reading(until: Int)
        /// An operation leases it until then, at most.
        case operation(until: Int)
        /// A repository leases it until then.
        case repository(String, until: Int)
        /// A manifest names it.
        case named(by: ManifestPlace)
        /// A copy of which only some files are here keeps it.
        case kept(by: ManifestPlace)
        /// Such a copy was last used then (seconds since 1970), and stays until it is evicted or cleared.
        case used(Int)
        /// An index lists it.
        case listed(by: ManifestPlace)
        /// It refers to that manifest.
        case refers(to: ManifestPlace)
        /// Its tag goes.
        case expired(ExpiredTag)
        /// A lease on it is over.
        case ended(Int)
        /// Nothing keeps it.
        case nothing
    }

    /// What it is.
    public let kind: Kind
    /// Why that itself stays, or goes.
    public let because: [Reason]

    /// Makes a reason.
    public init(_ kind: Kind, because: [Reason] = []) {
        self.kind = kind
        self.because = because
    }
}

extension Reachability {
    /// How many reasons are told of one thing.
    static var most: Int { 10 }
    /// How many of the manifests that name a blob are looked at.
    private static var looked: Int { 256 }

    /// Why a manifest stays or goes.
    func explain(_ node: Facts.Node) throws -> Explanation.Part {
        let place = try facts.place(of: node)
        var keeping = try roots(of: node)
        for (holder, kind) in try holders(of: node) {
            if let chain = try chain(from: holder) { keeping.append(Reason(kind, because: [chain])) }
        }
        let stays = !keeping.isEmpty
        let reasons = stays ? keeping : try absence(node)
        return Explanation.Part(
            subject: .manifest(place), stays: stays, reasons: Array(reasons.prefix(Reachability.most)),
            more: max(0, reasons.count - Reachability.most))
    }

    /// Why a blob stays or goes.
    func explain(_ blob: Digest, size: Int, notes: [Explanation.Note]) throws -> Explanation.Part {
        var (count, nodes) = try facts.nodes(naming: blob, limit: Reachability.looked)
        let leases = try facts.leases(on: blob).filter { !$0.isHold }
        var keeping = leases.filter { $0.until > times.leaseEnd }.map { lease in
            Reason(lease.repository.map { .repository($0, until: lease.until) } ?? .operation(until: lease.until))
        }
        keeping += try facts.partialCopies(keeping: blob, limit: Reachability.most).map { Reason(.kept(by: $0)) }
        var leaving: [Reason] = []
        var next = 0
        while keeping.count < Reachability.most {
            if next == nodes.count {
                // One that stays is enough to say so. Only where none was found are all looked at.
                guard keeping.isEmpty, count > nodes.count else { break }
                (count, nodes) = try facts.nodes(naming: blob, limit: .max)
                guard next < nodes.count else { break }
            }
            let kind = Reason.Kind.named(by: try facts.place(of: nodes[next]))
            if let chain = try chain(from: nodes[next]) {
                keeping.append(Reason(kind, because: [chain]))
            } else if leaving.count < Reachability.most {
                leaving.append(Reason(kind, because: try absence(nodes[next])))
            }
            next += 1
        }
        guard keeping.isEmpty else {
            return Explanation.Part(
                subject: .blob(size), stays: true, reasons: Array(keeping.prefix(Reachability.most)), more: count - next, notes: notes)
        }
        let more = count - leaving.count
        leaving += leases.map { Reason(.ended($0.until)) }
        if leaving.isEmpty { leaving = [Reason(.nothing)] }
        return Explanation.Part(
            subject: .blob(size), stays: false, reasons: Array(leaving.prefix(Reachability.most)), more: more, notes: notes)
    }

    /// What is around a manifest that goes, and does not keep it.
    private func absence(_ node: Facts.Node) throws -> [Reason] {
        let place = try facts.place(of: node)
        var reasons = try facts.tags(on: node).compactMap { try expiry(place, $0) }.map { Reason(.expired($0)) }
        reasons += try holders(of: node).map { Reason($0.1, because: [Reason(.nothing)]) }
        reasons += try facts.leases(on: place.digest).filter { $0.isHold && $0.until <= times.leaseEnd }.map { Reason(.ended($0.until)) }
        return reasons.isEmpty ? [Reason(.nothing)] : reasons
    }
}
