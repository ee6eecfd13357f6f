import RxModel
import RxPosix

/// Many blobs on their way into one of the store's own repositories. Source: Specs/05-store, STO-070.
final class RepositoryBatch: BlobBatch {
    private let store: DiskStore
    private let repository: String
    private let operation: DiskOperation

    init(_ store: DiskStore, repository: String) throws {
        self.store = store
        self.repository = repository
        operation = try DiskOperation(
            layout: store.layout, catalog: store.catalog, leaseTime: store.leaseTime, owner: repositoryOwner(repository))
    }

    func stage(_ source: any ByteSource, expecting: Digest?) throws -> StagedBlob { try operation.stage(source, expecting: expecting) }

    func publish() throws {
        guard operation.isHolding else { return }
        try operation.publish()
        try store.uploadSync.sync(folders: [])
    }

    func lease(_ blobs: [Digest: Int]) throws -> Set<Digest> {
        var found: Set<Digest> = []
        var recent: Set<String> = []
        let wanted = blobs.sorted { $0.key < $1.key }
        for start in stride(from: 0, to: wanted.count, by: DiskOperation.batchSize) {
            try store.catalog.write(durably: false) { database, now in
                let until = now + store.leaseTime
                for (digest, size) in wanted[start..<min(start + DiskOperation.batchSize, wanted.count)] {
                    guard let addedAt = try database.shownAnywhere(digest, size: size, now: now),
                        try store.layout.holds(digest, size: size)
                    else { continue }
                    // A lease that has three quarters of its time left needs no new one.
                    try database.lease(digest, to: repository, until: until, unlessUntil: until - store.leaseTime / 4)
                    found.insert(digest)
                    if addedAt >= now - DiskOperation.unsyncedTime { recent.insert(store.layout.folder(digest)) }
                }
            }
        }
        // What is reported as there is durable, whoever put it and however short a time ago.
        if !found.isEmpty { try store.sync(recent) }
        return found
    }

    func cancel() { operation.cancel() }
}

extension Database {
    /// When a blob of this length was put (seconds since 1970), if one of this store's own repositories shows it.
    func shownAnywhere(_ digest: Digest, size: Int, now: Int) throws -> Int? {
        try first(
            """
            SELECT added_at FROM blobs WHERE digest = ?1 AND size = ?2 AND (
                EXISTS (SELECT 1 FROM leases WHERE digest = ?1 AND until > ?3 AND owner >= 'repository ' AND owner < 'repository!')
                OR EXISTS (SELECT 1 FROM refs CROSS JOIN manifests ON manifests.id = refs.manifest WHERE refs.digest = ?1 AND registry = '')
            )
            """, .digest(digest), .integer(size), .integer(now)
        ) { $0.time(0) }
    }

    /// Leases a blob to a repository, unless a lease of its lasts until `enough` anyway.
    func lease(_ digest: Digest, to repository: String, until: Int, unlessUntil enough: Int) throws {
        try run(
            """
            INSERT INTO leases VALUES (?, ?, ?)
            ON CONFLICT (owner, digest) DO UPDATE SET until = excluded.until WHERE until < ?
            """, .text(repositoryOwner(repository)), .digest(digest), .integer(until), .integer(enough))
    }

    /// A blob that one of this store's own repositories shows, with when it was put (seconds since 1970); nil when it shows none.
    func blobAndTime(_ name: ContentDigest, in repository: String, now: Int) throws -> (blob: StagedBlob, addedAt: Int)? {
        guard let digest = try digest(of: name) else { return nil }
        let found = try first(
            """
            SELECT size, added_at, EXISTS (SELECT 1 FROM leases WHERE owner = ?2 AND digest = ?1 AND until > ?3)
            FROM blobs WHERE digest = ?1
            """, .digest(digest), .text(repositoryOwner(repository)), .integer(now)
        ) { (blob: StagedBlob(digest: digest, size: $0.size(0)), addedAt: $0.time(1), isLeased: $0.int(2) != 0) }
        guard let found, try found.isLeased || isNamed(digest, in: repository) else { return nil }
        return (found.blob, found.addedAt)
    }

    /// How many blobs a manifest names that are present, and their bytes.
    func presentTotals(_ manifest: Int) throws -> BlobTotals {
        try first(
            """
            SELECT count(*), CAST(total(min(size, 9007199254740992)) AS INTEGER) FROM refs CROSS JOIN blobs USING (digest) WHERE manifest = ?
            """, .integer(manifest)
        ) { BlobTotals(count: $0.int(0), bytes: $0.int(1)) } ?? BlobTotals()
    }
}

/// A number of blobs and their bytes together.
struct BlobTotals: Equatable {
    var count = 0
    var bytes = 0
}
