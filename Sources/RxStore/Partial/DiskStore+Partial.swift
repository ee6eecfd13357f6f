import RxCrypto
public import RxModel

extension DiskStore {
    public func putPartial(_ artifact: Artifact, as reference: Reference, pinned: Bool) throws {
        guard let tree = artifact.tree, !reference.registry.isEmpty else { throw RegistryError.noPartial(artifact, as: reference) }
        try catalog.write(durably: false) { database, now in
            let place = ManifestPlace(registry: reference.registry, repository: reference.repository, digest: artifact.digest)
            let id = try database.putPartial(place, tree: tree, tag: reference.tag, bytes: artifact.bytes, pinned: pinned, now: now)
            if !pinned { try database.putPartialTag(reference, on: id) }
        }
    }

    public func partialCopy(registry: String, repository: String, selector: Selector) throws -> PartialCopy? {
        try catalog.read { database in
            guard let id = try database.partialCopy(registry, repository, selector) else { return nil }
            let copy = try database.first(
                """
                SELECT registry, repository, digest, tag, bytes, used_at FROM partial_copies JOIN partial_manifests ON copy = id WHERE id = ?
                """, .integer(id)
            ) {
                PartialCopy(
                    place: ManifestPlace(registry: $0.text(0), repository: $0.text(1), digest: try $0.digest(2)), tag: $0.text(3),
                    bytes: $0.blob(4), usedAt: $0.time(5))
            }
            // What a disk has changed is as good as absent: it is asked for again, and put right.
            return copy.flatMap { sha256($0.bytes) == $0.place.digest ? $0 : nil }
        }
    }

    public func keep(_ blobs: [Digest: Int], in copy: ManifestPlace) throws -> Set<Digest>? {
        // In the order of the digests: rows that are neighbours in the catalog and files of one folder come together.
        let wanted = blobs.map { StagedBlob(digest: $0.key, size: $0.value) }.sorted { $0.digest < $1.digest }
        func present(_ database: Database, _ blobs: some Sequence<StagedBlob>) throws -> [StagedBlob] {
            let rows = try blobs.filter { try database.blobAddedAt($0.digest, size: $0.size) != nil }
            let absent = try layout.absent(rows)
            return rows.filter { !absent.contains($0.digest) }
        }
        let known = try catalog.read { database -> (kept: Set<Digest>, new: [StagedBlob])? in
            guard let id = try database.partialID(copy) else { return nil }
            let here = try present(database, wanted)
            let new = try here.filter { try !database.isKept($0.digest, in: id) }
            return (Set(here.map(\.digest)).subtracting(new.map(\.digest)), new)
        }
        guard let (here, new) = known else { return nil }
        var kept = here
        for start in stride(from: 0, to: new.count, by: DiskOperation.batchSize) {
            let batch = new[start..<min(start + DiskOperation.batchSize, new.count)]
            let isThere = try catalog.write(durably: false) { database, _ in
                guard let id = try database.partialID(copy) else { return false }
                // A collection may have come in between.
                for blob in try present(database, batch) {
                    try database.run("INSERT OR IGNORE INTO partial_refs VALUES (?, ?)", .integer(id), .digest(blob.digest))
                    kept.insert(blob.digest)
                }
                return true
            }
            guard isThere else { return nil }
        }
        return kept
    }

    public func digests(registry: String, repository: String, limit: Int) throws -> [Digest] {
        try catalog.read { database in
            let place = [SQLValue.text(registry), .text(repository), .integer(limit)]
            let partial = try database.rows(
                "SELECT digest FROM partial_copies WHERE registry = ? AND repository = ? ORDER BY id DESC LIMIT ?", place[0], place[1],
                place[2]
            ) { try $0.digest(0) }
            let whole = try database.rows(
                "SELECT digest FROM manifests WHERE registry = ? AND repository = ? AND tree IS NOT NULL ORDER BY id DESC LIMIT ?",
                place[0],
                place[1], place[2]
            ) { try $0.digest(0) }
            return Array((partial + whole.filter { !partial.contains($0) }).prefix(limit))
        }
    }

    public func noteUse(ofPartial copy: ManifestPlace) throws {
        let isNoted = try catalog.read { database in
            try database.first(
                "SELECT used_at > ? FROM partial_copies WHERE registry = ? AND repository = ? AND digest = ?",
                .integer(database.now() - leaseTime / 4), .text(copy.registry), .text(copy.repository), .digest(copy.digest)
            ) { $0.int(0) != 0 }
        }
        guard isNoted == false else { return }
        try catalog.write(durably: false) { database, now in
            try database.run(
                "UPDATE partial_copies SET used_at = ? WHERE registry = ? AND repository = ? AND digest = ?", .integer(now),
                .text(copy.registry), .text(copy.repository), .digest(copy.digest))
        }
    }
}
