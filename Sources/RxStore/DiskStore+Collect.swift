import RxModel
import RxPosix

extension DiskStore {
    /// How many rows one write transaction of a collection touches, so that a push never waits long for it.
    static let collectionBatch = 256
    /// How many manifests one write transaction deletes; each may have thousands of references.
    static let manifestBatch = 8

    public func collect(_ options: CollectionOptions) throws -> CollectionReport {
        let (dryRun, leaseTime) = (options.dryRun, options.leaseTime)
        let plan = try CollectionPlan(catalog: catalog, leaseTime: leaseTime, ownLeaseTime: self.leaseTime)
        guard !dryRun else {
            var report = plan.report
            report.leftoverKinds.orphans = try leftovers(delete: false, leaseTime)
            return report
        }
        var report = CollectionReport()
        report.manifests = try deleteManifests(plan)
        // Blobs that only those manifests named are candidates now.
        let candidates = try CollectionPlan(catalog: catalog, leaseTime: leaseTime, ownLeaseTime: self.leaseTime).blobs
        for start in stride(from: 0, to: candidates.count, by: DiskStore.collectionBatch) {
            let deleted = try deleteBlobs(candidates[start..<min(start + DiskStore.collectionBatch, candidates.count)], plan)
            report.blobs += deleted.count
            report.bytes += deleted.reduce(0) { $0 + $1.size }
        }
        report.leftoverKinds.orphans = try leftovers(delete: true, leaseTime)
        try catalog.write { database, now in
            try database.run("DELETE FROM leases WHERE until <= ?", .integer(plan.leaseEnd(now)))
            try database.forgetAliases()
        }
        // Last, because files that are written anew need room. Where there is none, the catalog keeps the bytes until there is.
        do { try fresh.drain(all: true) } catch let error as any ResourceError where error.code == .storageFull {}
        return report
    }

    /// Deletes the manifests that nothing keeps, then those that only they kept, until none is left.
    private func deleteManifests(_ plan: CollectionPlan) throws -> Int {
        var deleted = 0
        while case let ids = try catalog.read({ try $0.manifestsWithoutHolder(plan.leaseEnd($0.now())) }), !ids.isEmpty {
            for start in stride(from: 0, to: ids.count, by: DiskStore.manifestBatch) {
                deleted += try catalog.write { database, now in
                    let batch = ids[start..<min(start + DiskStore.manifestBatch, ids.count)]
                    let free = try batch.filter { try database.isWithoutHolder($0, plan.leaseEnd(now)) }
                    for id in free { try database.forgetManifest(id) }
                    return free.count
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
                try aside += moveAside(layout.blob(blob.digest), as: blob.digest.hex)
                return true
            }
        }
        for path in aside { try Files.remove(path) }
        return deleted
    }

    /// Moves a file into trash/ under a name of its own; gives the new path, or nothing when the file was gone. Recovery returns what is
    /// named after a blob that has a row.
    private func moveAside(_ path: String, as name: String) throws -> [String] {
        let target = "\(layout.trash)/\(name).\(RandomName.make())"
        do {
            try Files.rename(path, to: target)
            return [target]
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }

    /// Files that nothing accounts for: staging of dead operations, fronts of blobs that nobody goes on with, blob files without a row,
    /// archives of forgotten manifests.
    private func leftovers(delete: Bool, _ leaseTime: Int?) throws -> Int {
        var count = 0
        if delete {
            let dead = try StagingFolder.moveAbandoned(in: layout.staging, to: layout.trash)
            // What cannot be removed now is in trash/ and goes with the next start.
            for path in dead { try? Files.removeTree(path) }
            count += dead.count
        } else {
            count += try StagingFolder.abandoned(in: layout.staging).count
        }
        count += try abandonedUploads(delete: delete)
        count += try DiskPartial.forget(
            in: layout.partials, before: Clock.now - min(leaseTime ?? self.leaseTime, self.leaseTime), delete: delete)
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
            for digest in suspects where try !database.hasBlob(digest) {
                // Its bytes were perhaps never synced: under this name recovery does not take it for the blob.
                try aside += moveAside("\(folder)/\(digest.hex)", as: "orphan.\(digest.hex)")
            }
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
            let manifests = try database.deadManifests(now: now + shift)
            let blobs = try database.deadBlobs(now: now + shift)
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

    /// What the owners of leases begin with that keep a manifest and all that it names, in place of a lease on each blob.
    static let holder = "hold "

    /// The manifests that a collection deletes: all but those that live. A manifest lives while a tag names it or only its digest was
    /// ever asked for, while an operation keeps it beyond `now`, while an index that lives lists it, and while it refers to one that lives.
    func deadManifests(now: Int) throws -> [Int] {
        try rows(
            """
            WITH RECURSIVE live (id) AS (
                SELECT manifest FROM tags UNION SELECT id FROM manifests WHERE by_digest
                UNION SELECT id FROM leases JOIN manifests ON manifests.digest = leases.digest
                    WHERE owner >= 'hold ' AND owner < 'hold!' AND until > ?
                UNION SELECT child.id FROM live JOIN manifests AS parent ON parent.id = live.id JOIN children ON children.manifest = live.id
                    JOIN manifests AS child ON child.registry = parent.registry AND child.repository = parent.repository
                        AND child.digest = children.digest
                UNION SELECT referrer.id FROM live JOIN manifests AS target ON target.id = live.id
                    JOIN manifests AS referrer ON referrer.registry = target.registry AND referrer.repository = target.repository
                        AND referrer.subject = 'sha256:' || lower(hex(target.digest))
            )
            SELECT id FROM manifests WHERE id NOT IN live
            """, .integer(now)
        ) { $0.int(0) }
    }

    /// The blobs without a lease beyond `now` that no living manifest names.
    func deadBlobs(now: Int) throws -> [StagedBlob] {
        try run("CREATE TEMP TABLE IF NOT EXISTS dead (id INTEGER PRIMARY KEY)")
        try run("DELETE FROM temp.dead")
        for id in try deadManifests(now: now) { try run("INSERT INTO temp.dead VALUES (?)", .integer(id)) }
        return try rows(
            """
            SELECT digest, size FROM blobs WHERE NOT EXISTS (SELECT 1 FROM leases WHERE leases.digest = blobs.digest AND until > ?)
                AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.digest = blobs.digest AND refs.manifest NOT IN (SELECT id FROM temp.dead))
            """, .integer(now)
        ) { StagedBlob(digest: try $0.digest(0), size: $0.int(1)) }
    }

    /// Deletes the other names of what no repository holds or refers to any more: until then they are everybody's.
    func forgetAliases() throws {
        try run(
            """
            DELETE FROM aliases WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = aliases.digest)
                AND NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = aliases.digest)
                AND 'sha256:' || lower(hex(aliases.digest)) NOT IN (SELECT subject FROM manifests WHERE subject IS NOT NULL)
            """)
    }

    /// The manifests that nothing keeps at the moment; a lease that ends by `leaseEnd` is over.
    func manifestsWithoutHolder(_ leaseEnd: Int) throws -> [Int] {
        try rows("SELECT id FROM manifests WHERE NOT by_digest AND NOT EXISTS (SELECT 1 FROM tags WHERE manifest = manifests.id)") {
            $0.int(0)
        }.filter { try isWithoutHolder($0, leaseEnd) }
    }

    /// Whether no tag, no operation, no index and no subject keeps a manifest, and it was not put by its digest alone.
    func isWithoutHolder(_ id: Int, _ leaseEnd: Int) throws -> Bool {
        let own = try first(
            """
            SELECT registry, repository, subject FROM manifests AS own
            WHERE id = ?1 AND NOT by_digest AND NOT EXISTS (SELECT 1 FROM tags WHERE manifest = ?1)
                AND NOT EXISTS (
                    SELECT 1 FROM children JOIN manifests AS parent ON parent.id = children.manifest
                    WHERE children.digest = own.digest AND parent.registry = own.registry AND parent.repository = own.repository)
                AND NOT EXISTS (
                    SELECT 1 FROM leases WHERE leases.digest = own.digest AND owner >= 'hold ' AND owner < 'hold!' AND until > ?2)
            """, .integer(id), .integer(leaseEnd)
        ) { (registry: $0.text(0), repository: $0.text(1), subject: Digest($0.text(2))) }
        guard let own else { return false }
        guard let subject = own.subject else { return true }
        return try manifestID(own.registry, own.repository, subject) == nil
    }
}
