import RxModel
import RxPosix

extension DiskStore {
    /// How many rows one write transaction of a collection touches, so that a push never waits long for it.
    static let collectionBatch = 256
    /// How many manifests one write transaction deletes; each may have thousands of references.
    static let manifestBatch = 8

    public func collect(dryRun: Bool, leaseTime: Int?) throws -> CollectionReport {
        let plan = try CollectionPlan(catalog: catalog, leaseTime: leaseTime, ownLeaseTime: self.leaseTime)
        guard !dryRun else {
            var report = plan.report
            report.leftovers = try leftovers(delete: false)
            return report
        }
        var report = CollectionReport()
        report.manifests = try deleteManifests(plan.manifests)
        // Blobs that only those manifests named are candidates now.
        let candidates = try CollectionPlan(catalog: catalog, leaseTime: leaseTime, ownLeaseTime: self.leaseTime).blobs
        for start in stride(from: 0, to: candidates.count, by: DiskStore.collectionBatch) {
            let deleted = try deleteBlobs(candidates[start..<min(start + DiskStore.collectionBatch, candidates.count)], plan)
            report.blobs += deleted.count
            report.bytes += deleted.reduce(0) { $0 + $1.size }
        }
        report.leftovers = try leftovers(delete: true)
        try catalog.write { database, now in try database.run("DELETE FROM leases WHERE until <= ?", .integer(plan.leaseEnd(now))) }
        return report
    }

    private func deleteManifests(_ ids: [Int]) throws -> Int {
        var deleted = 0
        for start in stride(from: 0, to: ids.count, by: DiskStore.manifestBatch) {
            deleted += try catalog.write { database, _ in
                try ids[start..<min(start + DiskStore.manifestBatch, ids.count)].reduce(0) { sum, id in
                    let count = try database.run(
                        "DELETE FROM manifests WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM tags WHERE manifest = ?1)", .integer(id))
                    if count > 0 { try database.run("DELETE FROM search WHERE rowid = ?", .integer(id)) }
                    return sum + count
                }
            }
        }
        return deleted
    }

    /// Checks each candidate again, forgets it and moves its file aside in one transaction; deletes the files after it.
    private func deleteBlobs(_ candidates: ArraySlice<StagedBlob>, _ plan: CollectionPlan) throws -> [StagedBlob] {
        var aside: [String] = []
        let deleted = try catalog.write { database, now in
            try candidates.filter { blob in
                let count = try database.run(
                    """
                    DELETE FROM blobs WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM refs WHERE digest = ?1)
                        AND NOT EXISTS (SELECT 1 FROM leases WHERE digest = ?1 AND until > ?2)
                    """, .digest(blob.digest), .integer(plan.leaseEnd(now)))
                guard count > 0 else { return false }
                try aside += moveAside(layout.blob(blob.digest), blob.digest)
                return true
            }
        }
        for path in aside { try Files.remove(path) }
        return deleted
    }

    /// Moves a blob's file into trash/ under a name of its own; gives the new path, or nothing when the file was gone.
    private func moveAside(_ path: String, _ digest: Digest) throws -> [String] {
        let target = "\(layout.trash)/\(digest.hex).\(RandomName.make())"
        do {
            try Files.rename(path, to: target)
            return [target]
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }

    /// Files that nothing accounts for: staging of dead operations, blob files without a row, archives of forgotten manifests.
    private func leftovers(delete: Bool) throws -> Int {
        var count = 0
        if delete {
            let dead = try StagingFolder.moveAbandoned(in: layout.staging, to: layout.trash)
            // What cannot be removed now is in trash/ and goes with the next start.
            for path in dead { try? Files.removeTree(path) }
            count += dead.count
        } else {
            count += try StagingFolder.abandoned(in: layout.staging).count
        }
        for prefix in StoreLayout.prefixes { count += try orphans(in: "\(layout.blobs)/\(prefix)", delete: delete) }
        for name in try Files.names(in: layout.archives) {
            guard let digest = Digest(hex: name.prefix(64)) else { continue }
            let known = try catalog.read { try $0.first("SELECT 1 FROM manifests WHERE digest = ? LIMIT 1", .digest(digest)) { _ in true } }
            guard known == nil else { continue }
            if delete { Files.discard("\(layout.archives)/\(name)") }
            count += 1
        }
        return count
    }

    /// Deletes the files of one blob folder that have no row. A put renames and inserts in one write transaction, so a file that
    /// has no row inside another write transaction belongs to nobody, however young it is.
    private func orphans(in folder: String, delete: Bool) throws -> Int {
        let digests = try Files.names(in: folder).compactMap { Digest(hex: $0) }
        let suspects = try catalog.read { database in try digests.filter { try !database.hasBlob($0) } }
        guard delete, !suspects.isEmpty else { return suspects.count }
        var aside: [String] = []
        try catalog.write { database, _ in
            for digest in suspects where try !database.hasBlob(digest) { try aside += moveAside("\(folder)/\(digest.hex)", digest) }
        }
        for path in aside { try Files.remove(path) }
        return aside.count
    }
}

/// What a collection would delete, by one look at the catalog.
struct CollectionPlan {
    let manifests: [Int]
    let blobs: [StagedBlob]
    private let shift: Int

    init(catalog: Catalog, leaseTime: Int?, ownLeaseTime: Int) throws {
        let shift = leaseTime.map { max(0, ownLeaseTime - $0) } ?? 0
        self.shift = shift
        (manifests, blobs) = try catalog.read { database in
            let now = try database.now()
            let manifests = try database.rows(
                "SELECT id FROM manifests WHERE NOT EXISTS (SELECT 1 FROM tags WHERE manifest = manifests.id)"
            ) { $0.int(0) }
            let blobs = try database.rows(
                """
                SELECT digest, size FROM blobs WHERE NOT EXISTS (SELECT 1 FROM leases WHERE leases.digest = blobs.digest AND until > ?)
                    AND NOT EXISTS (
                        SELECT 1 FROM refs WHERE refs.digest = blobs.digest
                            AND EXISTS (SELECT 1 FROM tags WHERE tags.manifest = refs.manifest))
                """, .integer(now + shift)
            ) { StagedBlob(digest: try $0.digest(0), size: $0.int(1)) }
            return (manifests, blobs)
        }
    }

    /// A lease that ends by this time is over; a shortened lease time moves it ahead.
    func leaseEnd(_ now: Int) -> Int { now + shift }

    var report: CollectionReport {
        CollectionReport(blobs: blobs.count, bytes: blobs.reduce(0) { $0 + $1.size }, manifests: manifests.count)
    }
}

extension Database {
    func hasBlob(_ digest: Digest) throws -> Bool {
        try first("SELECT 1 FROM blobs WHERE digest = ?", .digest(digest)) { _ in true } ?? false
    }
}
