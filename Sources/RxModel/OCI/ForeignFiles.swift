/// The files that an artifact of another kind is shown as: those of its layers, and of every manifest that an index lists, at any depth,
/// each below a folder of its platform or digest.
package struct ForeignFiles {
    /// How deep indexes in indexes are looked into.
    package static let depthLimit = 8
    /// How many manifests are looked into, counted each time that one is listed: a few indexes can list each other very often.
    package static let countLimit = 10_000
    /// How many bytes these may have.
    package static let bytesLimit = 256 << 20

    /// A manifest by its digest, and how many bytes it has; nil when there is none.
    package typealias Find = (ContentDigest) throws -> (manifest: ArtifactManifest, bytes: Int)?

    private let find: Find
    private let resolve: (Descriptor) throws -> Digest?
    private var count = 0
    private var bytes = 0

    /// `find` gives a manifest, `resolve` the SHA-256 of a layer; nil leaves either out.
    package init(find: @escaping Find, resolve: @escaping (Descriptor) throws -> Digest?) {
        self.find = find
        self.resolve = resolve
    }

    /// The files of a manifest or index. Throws `ContentError` for one that lists too much, and what `find` and `resolve` throw.
    package mutating func files(of manifest: ArtifactManifest) throws -> [ResourceFile] { try files(of: manifest, below: nil, depth: 0) }

    private mutating func files(of manifest: ArtifactManifest, below folder: String?, depth: Int) throws -> [ResourceFile] {
        guard manifest.isIndex else { return try files(of: manifest.layers, below: folder) }
        guard depth < ForeignFiles.depthLimit else { return [] }
        var taken: Set<String> = []
        var files: [ResourceFile] = []
        for child in manifest.manifests {
            let own = child.platform.flatMap { (try? FilePath(parsing: $0)) == nil || taken.contains($0) ? nil : $0 }
            let name = own ?? child.digest.referrersTag
            guard !taken.contains(name), let found = try find(child.digest) else { continue }
            taken.insert(name)
            count += 1
            bytes += found.bytes
            guard count <= ForeignFiles.countLimit, bytes <= ForeignFiles.bytesLimit else {
                throw ContentError(
                    "it lists more than \(ForeignFiles.countLimit) manifests, or too long ones, counted each time that one is listed",
                    code: .contentTooLarge, hint: "take one of them by its digest")
            }
            files += try self.files(of: found.manifest, below: folder.map { "\($0)/\(name)" } ?? name, depth: depth + 1)
        }
        return files
    }

    /// The files of a manifest's layers, each under its title, or its digest where there is none that can be a path.
    private func files(of layers: [Descriptor], below folder: String?) throws -> [ResourceFile] {
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
