import RxModel

extension DiskStore {
    public func largeBlobs(registry: String, repository: String, atLeast size: Int, limit: Int) throws -> [LargeBlob] {
        let found = try catalog.read { database in
            var found: [LargeBlob] = []
            var seen: Set<Digest> = []
            for id in try database.largeManifests(registry, repository, atLeast: size) where found.count < limit {
                let new = try database.largeBlobs(of: id, atLeast: size).filter { seen.insert($0.digest).inserted }
                let titles = try new.isEmpty ? [:] : database.titles(id)
                for blob in new {
                    found.append(LargeBlob(digest: blob.digest, size: blob.size, title: titles[blob.digest]))
                }
            }
            guard registry.isEmpty, found.count < limit else { return found }
            for blob in try database.largeBlobs(leasedTo: repository, atLeast: size, limit: limit) where seen.insert(blob.digest).inserted {
                found.append(LargeBlob(digest: blob.digest, size: blob.size, title: nil))
            }
            return found
        }
        return try Array(found.prefix(limit)).filter { try layout.holds($0.digest, size: $0.size) }
    }
}

extension Database {
    /// The newest manifests of a repository whose content has at least `size` bytes, newest first.
    fileprivate func largeManifests(_ registry: String, _ repository: String, atLeast size: Int) throws -> [Int] {
        try rows(
            """
            SELECT id FROM manifests WHERE registry = ? AND repository = ? AND size >= ? ORDER BY id DESC LIMIT ?
            """, .text(registry), .text(repository), .integer(size), .integer(LargeBlobSearch.manifestLimit)
        ) { $0.int(0) }
    }

    fileprivate func largeBlobs(of manifest: Int, atLeast size: Int) throws -> [StagedBlob] {
        try rows(
            """
            SELECT refs.digest, blobs.size FROM refs CROSS JOIN blobs ON blobs.digest = refs.digest
            WHERE refs.manifest = ? AND blobs.size >= ? ORDER BY blobs.size DESC
            """, .integer(manifest), .integer(size)
        ) { StagedBlob(digest: try $0.digest(0), size: $0.size(1)) }
    }

    fileprivate func largeBlobs(leasedTo repository: String, atLeast size: Int, limit: Int) throws -> [StagedBlob] {
        try rows(
            """
            SELECT leases.digest, blobs.size FROM leases CROSS JOIN blobs ON blobs.digest = leases.digest
            WHERE leases.owner = ? AND leases.until > ? AND blobs.size >= ? ORDER BY leases.until DESC LIMIT ?
            """, .text(repositoryOwner(repository)), .integer(now()), .integer(size), .integer(limit)
        ) { StagedBlob(digest: try $0.digest(0), size: $0.size(1)) }
    }

    fileprivate func titles(_ manifest: Int) throws -> [Digest: String] {
        try first(
            "SELECT bytes, media_type FROM manifests WHERE id = ? AND length(bytes) <= ?", .integer(manifest),
            .integer(LargeBlobSearch.titledBytes)
        ) { LargeBlobSearch.titles($0.blob(0), mediaType: $0.text(1)) } ?? [:]
    }
}
