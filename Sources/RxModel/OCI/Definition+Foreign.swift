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
