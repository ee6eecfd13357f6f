import RxModel

extension ResourceRecord {
    /// The manifest of this record, read from its bytes. `artifact` gives a manifest of the same repository, `digest` the SHA-256 of what a
    /// digest names. Throws `RegistryError` when it is gone, `ContentError` when it lists too much.
    func manifest(artifact: (ContentDigest) throws -> StoredArtifact?, digest: (ContentDigest) throws -> Digest?) throws -> ResourceManifest
    {
        guard let stored = try artifact(.sha256(manifestDigest)) else { throw RegistryError.notFound(reference.description) }
        if isResource { return try ResourceManifest(parsing: stored.bytes) }
        return try withoutActuallyEscaping(artifact) { artifact in
            try withoutActuallyEscaping(digest) { digest in
                var walk = ForeignFiles {
                    try artifact($0).map { (try ArtifactManifest(parsing: $0.bytes, mediaType: $0.mediaType), $0.bytes.count) }
                } resolve: {
                    try digest($0.digest)
                }
                let files = try walk.files(of: ArtifactManifest(parsing: stored.bytes, mediaType: stored.mediaType))
                return ResourceManifest(unchecked: definition, files: files, tree: tree)
            }
        }
    }
}
