extension ResourceManifest {
    /// The manifest's exact bytes: canonical JSON.
    public var bytes: [UInt8] {
        let layers = JSON.list(files) { file in
            .members([
                "mediaType": .string(MediaType.file), "digest": .string(file.digest.description), "size": .integer(file.size),
                "annotations": .members([
                    Annotation.title: .string(file.path.text), Annotation.executable: file.executable ? "true" : nil,
                    Annotation.symlink: file.symlink.map { .string($0) },
                ]),
            ])
        }
        return JSON.members([
            "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "artifactType": .string(MediaType.resource),
            "config": ResourceManifest.emptyConfigDescriptor,
            "annotations": .object(ResourceManifest.annotations(definition, tree: tree)),
        ]).canonical(with: ["layers": layers])
    }

    /// The descriptor of the empty config.
    static var emptyConfigDescriptor: JSON {
        .members(["mediaType": .string(MediaType.emptyConfig), "digest": .string(emptyConfigDigest.description), "size": 2])
    }

    /// The annotations of a resource's manifest, packed or not.
    static func annotations(_ definition: Definition, tree: Digest) -> [String: JSON] {
        let members = definition.members
        let annotations = JSON.members([
            Annotation.definition: .string(definition.json.text), Annotation.tree: .string(tree.description),
            Annotation.title: .string(definition.name), Annotation.version: definition.tag.map { .string($0) },
            Annotation.description: members["description"], Annotation.authors: members["author"], Annotation.licenses: members["license"],
            Annotation.source: members["repository"],
        ])
        return annotations.object ?? [:]
    }

    /// Reads a resource's manifest back. Throws `ManifestError` when it is JSON of another kind or breaks a rule of Specs/03-manifest.
    public init(parsing bytes: [UInt8]) throws(ManifestError) {
        do {
            if let (json, files) = ManifestScanner.scan(bytes) {
                try self.init(json: json, files: files)
            } else {
                try self.init(json: try JSON(parsing: bytes), files: nil)
            }
        } catch let error as ManifestError { throw error } catch {
            throw ManifestError("manifest is not valid: \(error)")
        }
    }

    /// Reads a manifest in the very form that resources are written in, whose only blobs are the empty config and its files; nil for any
    /// other, and for one that breaks a rule.
    package static func scanned(_ bytes: [UInt8]) -> ResourceManifest? {
        guard let (json, files) = ManifestScanner.scan(bytes), json["mediaType"]?.string == MediaType.imageManifest else { return nil }
        return try? ResourceManifest(json: json, files: files)
    }

    /// Reads the manifest; `files` are those of its layers where they were read already.
    private init(json: JSON, files: [ResourceFile]?) throws {
        guard json["artifactType"]?.string == MediaType.resource else { throw ManifestError("manifest is not of an rx resource") }
        guard let definition = json["annotations"]?[Annotation.definition]?.string, let layers = json["layers"]?.array,
            let tree = json["annotations"]?[Annotation.tree]?.string.flatMap({ Digest($0) })
        else { throw ManifestError("manifest has no definition, tree or layers") }
        let files = try files ?? layers.map(ResourceManifest.file(layer:))
        // A transfer names blobs by their positions in the sorted list.
        guard zip(files, files.dropFirst()).allSatisfy({ !($1.path < $0.path) }) else {
            throw ManifestError("manifest is not valid: the layers are not sorted by path")
        }
        try self.init(definition: try Definition(parsing: Array(definition.utf8), isStored: true), files: files, tree: tree)
    }

    private static func file(layer: JSON) throws -> ResourceFile {
        guard let title = layer["annotations"]?[Annotation.title]?.string, let digest = layer["digest"]?.string.flatMap({ Digest($0) }),
            let size = layer["size"]?.int, size >= 0
        else { throw ManifestError("a layer has no title, digest or size") }
        return ResourceFile(
            path: try FilePath(parsing: title), digest: digest, size: size,
            executable: layer["annotations"]?[Annotation.executable]?.string == "true",
            symlink: layer["annotations"]?[Annotation.symlink]?.string)
    }
}
