import RxModel

extension ResourceRecord {
    /// How deep indexes in indexes are looked into.
    private static let depthLimit = 8

    /// The manifest of this record, read from its bytes. `artifact` gives a manifest of the same repository, `digest` the SHA-256 of what a
    /// digest names. Throws `RegistryError` when it is gone.
    func manifest(artifact: (ContentDigest) throws -> StoredArtifact?, digest: (ContentDigest) throws -> Digest?) throws -> ResourceManifest
    {
        guard let stored = try artifact(.sha256(manifestDigest)) else { throw RegistryError.notFound(reference.description) }
        if isResource { return try ResourceManifest(parsing: stored.bytes) }
        func files(of stored: StoredArtifact, below folder: String?, depth: Int) throws -> [ResourceFile] {
            let manifest = try ArtifactManifest(parsing: stored.bytes, mediaType: stored.mediaType)
            guard manifest.isIndex else {
                return try ResourceManifest.files(of: manifest.layers, below: folder) { try digest($0.digest) }
            }
            guard depth < ResourceRecord.depthLimit else { return [] }
            var taken: Set<String> = []
            return try manifest.manifests.flatMap { child -> [ResourceFile] in
                guard let stored = try artifact(child.digest) else { return [] }
                let own = child.platform.flatMap { (try? FilePath(parsing: $0)) == nil || taken.contains($0) ? nil : $0 }
                let name = own ?? child.digest.referrersTag
                guard taken.insert(name).inserted else { return [] }
                return try files(of: stored, below: folder.map { "\($0)/\(name)" } ?? name, depth: depth + 1)
            }
        }
        return ResourceManifest(unchecked: definition, files: try files(of: stored, below: nil, depth: 0), tree: tree)
    }
}
