/// The manifest of a packed resource: for registries that do not take the long manifest of a resource with very many files.
///
/// It has two layers, the resource's archive and the list of its files, and says which resource it stands for. It is transport: a
/// store keeps the resource under its own manifest. Source: Specs/03-manifest, "Packed form".
public struct PackedResource: Sendable, Equatable {
    /// The longest manifest, in bytes, that every registry takes. Source: OCI distribution spec v1.1, "Pushing Manifests".
    public static let manifestLimit = 4 << 20
    /// The title of the layer with the archive.
    public static let archiveTitle = "files.tar.gz"
    /// The title of the layer with the list of files.
    public static let indexTitle = "files.json"

    /// What the resource says of itself.
    public let definition: Definition
    /// Its tree digest.
    public let tree: Digest
    /// The digest of the manifest with one layer a file.
    public let manifest: Digest
    /// The archive, as `Specs/04-archive` writes it.
    public let archive: Descriptor
    /// The list of files.
    public let index: Descriptor

    /// Whether a resource whose manifest has this many bytes goes packed to a registry that is not known to take longer ones.
    public static func isNeeded(manifestBytes: Int) -> Bool { manifestBytes > manifestLimit }

    /// Whether a manifest claims to be of a packed resource.
    public static func isPacked(_ manifest: ArtifactManifest) -> Bool {
        manifest.artifactType == MediaType.resource && manifest.annotations[Annotation.manifest] != nil
    }

    /// Describes the packed form of `resource`, whose manifest has the digest `manifest`, with the digests and sizes of its two layers.
    public init(_ resource: ResourceManifest, manifest: Digest, archive: (digest: Digest, size: Int), index: (digest: Digest, size: Int)) {
        definition = resource.definition
        tree = resource.tree
        self.manifest = manifest
        self.archive = PackedResource.layer(MediaType.packedFiles, archive, PackedResource.archiveTitle)
        self.index = PackedResource.layer(MediaType.packedIndex, index, PackedResource.indexTitle)
    }

    /// Reads what `isPacked` accepted. Throws `ManifestError` when it breaks a rule of Specs/03-manifest.
    public init(_ packed: ArtifactManifest) throws(ManifestError) {
        guard packed.mediaType == MediaType.imageManifest, PackedResource.isPacked(packed) else {
            throw ManifestError("manifest is not of a packed resource")
        }
        guard let definition = packed.annotations[Annotation.definition],
            let tree = packed.annotations[Annotation.tree].flatMap({ Digest($0) }),
            let manifest = packed.annotations[Annotation.manifest].flatMap({ Digest($0) })
        else { throw ManifestError("packed manifest has no definition, tree or manifest digest") }
        guard packed.layers.count == 2, let archive = packed.layers.first(where: { $0.mediaType == MediaType.packedFiles }),
            let index = packed.layers.first(where: { $0.mediaType == MediaType.packedIndex })
        else { throw ManifestError("packed manifest has other layers than one archive and one list of files") }
        do { self.definition = try Definition(parsing: Array(definition.utf8), isStored: true) } catch {
            throw ManifestError("packed manifest is not valid: \(error)")
        }
        self.tree = tree
        self.manifest = manifest
        self.archive = archive
        self.index = index
    }

    /// The manifest's exact bytes: canonical JSON, a function of the resource and the sizes and digests of the two layers.
    public var bytes: [UInt8] {
        var annotations = ResourceManifest.annotations(definition, tree: tree)
        annotations[Annotation.manifest] = .string(manifest.description)
        return JSON.members([
            "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "artifactType": .string(MediaType.resource),
            "config": ResourceManifest.emptyConfigDescriptor, "annotations": .object(annotations),
            "layers": .array([archive.json, index.json]),
        ]).canonical
    }

    private static func layer(_ mediaType: String, _ blob: (digest: Digest, size: Int), _ title: String) -> Descriptor {
        Descriptor(mediaType: mediaType, digest: .sha256(blob.digest), size: blob.size, annotations: [Annotation.title: title])
    }
}

/// The list of files of a packed resource: canonical JSON. Source: Specs/03-manifest, "Packed form".
public enum FileIndex {
    /// The text of the list: `{"files":[{path, size, digest, executable?, symlink?}]}`, in the order of the paths.
    public static func bytes(_ files: [ResourceFile]) -> [UInt8] {
        JSON.object([:]).canonical(with: ["files": JSON.list(files.sorted { $0.path < $1.path }) { $0.json }])
    }

    /// Reads a list. Throws `ManifestError` for what is none.
    public static func files(parsing bytes: [UInt8]) throws(ManifestError) -> [ResourceFile] {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw ManifestError("list of files is not JSON: \(error)") }
        guard let entries = json["files"]?.array else { throw ManifestError("list of files has no files") }
        var files: [ResourceFile] = []
        files.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() { files.append(try file(entry, index)) }
        return files
    }

    private static func file(_ entry: JSON, _ index: Int) throws(ManifestError) -> ResourceFile {
        guard let path = entry["path"]?.string, let digest = entry["digest"]?.string.flatMap({ Digest($0) }), let size = entry["size"]?.int,
            size >= 0
        else { throw ManifestError("list of files: files[\(index)] has no path, digest or size") }
        do {
            return ResourceFile(
                path: try FilePath(parsing: path), digest: digest, size: size, executable: entry["executable"]?.bool ?? false,
                symlink: entry["symlink"]?.string)
        } catch { throw ManifestError("list of files: \(error)") }
    }
}

extension ResourceFile {
    /// `{path, size, digest, executable?, symlink?}`.
    public var json: JSON {
        .members([
            "path": .string(path.text), "size": .integer(size), "digest": .string(digest.description),
            "executable": executable ? true : nil,
            "symlink": symlink.map { .string($0) },
        ])
    }
}
