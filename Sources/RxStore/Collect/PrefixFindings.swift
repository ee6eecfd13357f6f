import RxModel

/// What a collection finds among the blobs, leases and files whose digests begin with one byte.
///
/// Blobs, references, leases and names of files are gone through side by side, each once and in the order of the digests: no look-up for
/// each, and memory for a 256th of the store's names. Source: Specs/05-store, STO-100.
struct PrefixFindings {
    /// Blobs that no manifest names, no partial copy keeps and nobody leases.
    private(set) var dead: [StagedBlob] = []
    /// Files without a row; some may just be on their way.
    private(set) var orphans: [Digest] = []
    /// Leases that are over.
    private(set) var expired: [(owner: String, digest: Digest)] = []
    /// How many blobs a manifest names.
    private(set) var named = 0
    /// How many blobs a partial copy keeps, and no manifest names.
    private(set) var partial = 0
    /// How many blobs only a lease keeps.
    private(set) var leased = 0

    /// Looks at the rows of one prefix, inside a transaction, beside the sorted names of its files. Manifests and partial copies that are
    /// `dead` name nothing; a lease that ends by `leaseEnd` is over.
    init(_ database: Database, _ prefix: Int, files: [Digest], dead: (manifests: IDSet, partial: IDSet), leaseEnd: Int) throws {
        let first: SQLValue = .blob([UInt8(prefix)])
        // Longer than any digest, and so behind the last.
        let end: SQLValue = .blob(prefix == 255 ? Array(repeating: 255, count: 33) : [UInt8(prefix + 1)])
        var named = try References(
            database.cursor(
                "SELECT digest, manifest FROM refs INDEXED BY refs_by_digest WHERE digest >= ? AND digest < ? ORDER BY digest", first, end),
            dead.manifests)
        var kept = try References(
            database.cursor(
                "SELECT digest, copy FROM partial_refs INDEXED BY partial_refs_by_digest WHERE digest >= ? AND digest < ? ORDER BY digest",
                first, end),
            dead.partial)
        let leases = try database.cursor(
            "SELECT digest, until, owner FROM leases INDEXED BY leases_by_digest WHERE digest >= ? AND digest < ? ORDER BY digest", first,
            end)
        var lease = try leases.next()
        var file = 0
        let blobs = try database.cursor("SELECT digest, size FROM blobs WHERE digest >= ? AND digest < ? ORDER BY digest", first, end)
        while let row = try blobs.next() {
            let digest = try row.digest(0)
            while file < files.count, files[file] <= digest {
                if files[file] != digest { orphans.append(files[file]) }
                file += 1
            }
            var isLeased = false
            while let row = lease, case let leasedDigest = try row.digest(0), leasedDigest <= digest {
                if row.int(1) <= leaseEnd { expired.append((row.text(2), leasedDigest)) } else if leasedDigest == digest { isLeased = true }
                lease = try leases.next()
            }
            if try named.name(digest) {
                self.named += 1
            } else if try kept.name(digest) {
                partial += 1
            } else if isLeased {
                leased += 1
            } else {
                self.dead.append(StagedBlob(digest: digest, size: row.size(1)))
            }
        }
        orphans += files[file...]
        while let row = lease {
            if row.int(1) <= leaseEnd { expired.append((row.text(2), try row.digest(0))) }
            lease = try leases.next()
        }
    }

    /// The references of manifests, or of partial copies, in the order of what they name.
    private struct References {
        private let cursor: Cursor
        private let dead: IDSet
        /// The digest of the current row; nil after the last.
        private var digest: Digest?
        private var holder = 0

        init(_ cursor: Cursor, _ dead: IDSet) throws {
            self.cursor = cursor
            self.dead = dead
            try advance()
        }

        /// Whether a holder that lives names a digest, which is larger than the one asked for before.
        mutating func name(_ asked: Digest) throws -> Bool {
            var isNamed = false
            while let digest, digest <= asked {
                if digest == asked, !dead.contains(holder) { isNamed = true }
                try advance()
            }
            return isNamed
        }

        private mutating func advance() throws {
            guard let row = try cursor.next() else { return digest = nil }
            digest = try row.digest(0)
            holder = row.int(1)
        }
    }
}
