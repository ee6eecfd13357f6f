import RxCrypto
import RxModel
import RxStore

/// An index that lists what refers to a manifest; members that are not known stay. Source: OCI distribution spec v1.1, "Pushing Manifests
/// with Subject".
struct ReferrersList {
    private var members: [String: JSON]
    private var entries: [JSON]

    /// An empty list.
    init() {
        members = ["schemaVersion": 2, "mediaType": .string(MediaType.imageIndex)]
        entries = []
    }

    /// Reads a list; nil for what is none.
    init?(_ artifact: StoredArtifact) {
        guard MediaType.indexes.contains(artifact.mediaType), let json = try? JSON(parsing: artifact.bytes), let members = json.object,
            let entries = members["manifests"]?.array
        else { return nil }
        self.members = members
        self.entries = entries
    }

    func contains(_ digest: ContentDigest) -> Bool { entries.contains { $0["digest"]?.string == digest.description } }

    func adding(_ entry: Descriptor) -> ReferrersList {
        var list = self
        list.entries.append(entry.json)
        return list
    }

    func removing(_ digest: ContentDigest) -> ReferrersList {
        var list = self
        list.entries.removeAll { $0["digest"]?.string == digest.description }
        return list
    }

    /// What can be read of the list; each entry once.
    var descriptors: [Descriptor] {
        var seen: Set<ContentDigest> = []
        return entries.compactMap { try? Descriptor(json: $0, in: "manifests") }.filter { seen.insert($0.digest).inserted }
    }

    /// The list as it is put.
    var artifact: StoredArtifact {
        var members = members
        members["manifests"] = .array(entries)
        let bytes = JSON.object(members).canonical
        return StoredArtifact(bytes: bytes, mediaType: members["mediaType"]?.string ?? MediaType.imageIndex, digest: sha256(bytes))
    }
}

extension DistributionClient {
    /// Reads the list of what refers to `digest`, changes it and puts it back; a `change` that gives nil leaves it as it is.
    func changeList(of digest: ContentDigest, in repository: String, _ change: (ReferrersList) -> ReferrersList?) throws {
        let tag = digest.referrersTag
        var list = ReferrersList()
        if let stored = try manifest(repository, .tag(tag)) {
            guard let read = ReferrersList(stored) else {
                throw RegistryError(
                    "\(registry) keeps something else under \(repository):\(tag), where the list of what refers to \(digest) belongs",
                    code: .manifestInvalid, hint: "remove that tag, or use a registry that lists referrers itself")
            }
            list = read
        }
        guard let changed = change(list) else { return }
        try put(changed.artifact, in: repository, tag: tag)
    }
}
