extension Definition {
    /// The type of an artifact that is no resource of rx.
    public static let foreignType = "oci"

    /// What a store says of an artifact that is no resource: type `oci`, its own type as `artifactType`, and what its annotations tell.
    public static func foreign(_ manifest: ArtifactManifest, repository: String) -> Definition {
        let slash = repository.utf8.lastIndex(of: UInt8(ascii: "/"))
        func annotation(_ name: String, limit: Int) -> JSON? {
            guard let text = manifest.annotations["org.opencontainers.image.\(name)"], !text.isEmpty else { return nil }
            return .string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit))))
        }
        let json = JSON.members([
            "name": .string(slash.map { String(repository[repository.utf8.index(after: $0)...]) } ?? repository),
            "path": slash.map { .string(String(repository[..<$0])) }, "type": .string(foreignType),
            "artifactType": manifest.artifactType.map { .string($0) }, "description": annotation("description", limit: 1024),
            "author": annotation("authors", limit: 128), "license": annotation("licenses", limit: 64),
            "repository": annotation("source", limit: 256),
        ])
        return Definition(unchecked: json.object ?? [:])
    }
}

extension ResourceManifest {
    /// The files that the layers of a foreign artifact are, each under its title, or its digest where there is none that can be a path.
    /// `resolve` gives the SHA-256 of a layer; nil leaves it out.
    package static func files(of layers: [Descriptor], below folder: String?, resolve: (Descriptor) throws -> Digest?) rethrows
        -> [ResourceFile]
    {
        let prefix = folder.map { $0 + "/" } ?? ""
        var names = FileNames()
        var files: [ResourceFile] = []
        for layer in layers where !layer.isForeign {
            guard let digest = try resolve(layer) else { continue }
            let titled = layer.title.flatMap { try? FilePath(parsing: prefix + $0) }
            let named = FilePath(unchecked: prefix + layer.digest.referrersTag)
            guard let path = titled.flatMap({ names.take($0) }) ?? names.take(named) else { continue }
            files.append(ResourceFile(path: path, digest: digest, size: layer.size))
        }
        return files
    }
}

/// Paths that can all be files of one folder.
private struct FileNames {
    private var files: Set<FilePath> = []
    private var folders: Set<FilePath> = []

    /// Takes a path; nil when it is taken, or is or needs a folder that another path is or needs as a file.
    mutating func take(_ path: FilePath) -> FilePath? {
        let parents = Array(sequence(first: path.parent) { $0?.parent }.prefix { $0 != nil }.compactMap { $0 })
        guard !files.contains(path), !folders.contains(path), !parents.contains(where: files.contains) else { return nil }
        files.insert(path)
        folders.formUnion(parents)
        return path
    }
}
