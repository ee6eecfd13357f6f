import RxCrypto
import RxHTTP
import RxModel
import RxStore

/// What a manifest is to rx.
enum ArtifactKind {
    /// A resource with one layer a file.
    case resource(ResourceManifest)
    /// A resource in packed form.
    case packed(PackedResource)
    /// Anything else.
    case foreign

    /// Throws `ManifestError` or `ContentError` for what claims to be a resource and is none.
    init(_ read: ReadManifest) throws {
        guard read.manifest.artifactType == MediaType.resource, !read.manifest.isIndex else {
            self = .foreign
            return
        }
        if PackedResource.isPacked(read.manifest) {
            self = .packed(try PackedResource(read.manifest))
            return
        }
        let resource = try ResourceManifest(parsing: read.stored.bytes)
        let tree = treeDigest(resource.files)
        guard tree == resource.tree else { throw ContentError.mismatch(expected: resource.tree, got: tree) }
        self = .resource(resource)
    }

    /// The digests, besides the manifest's own, that name the same content.
    var digests: [Digest] {
        switch self {
        case .resource(let resource): [resource.tree]
        case .packed(let packed): [packed.tree, packed.manifest]
        case .foreign: []
        }
    }
}

extension Client {
    /// A manifest that a locator names in a registry, read through `/v2/`. A digest may be the manifest's own, or, under the locator's
    /// tag, a tree digest or that of the manifest that a packed one stands for.
    func artifact(_ locator: Locator, at registry: RegistryURL) throws -> (read: ReadManifest, kind: ArtifactKind, origin: RemoteOrigin) {
        let origin = RemoteOrigin(
            client: distribution(registry), repository: try readableRepository(locator, at: registry), calls: transferCalls(registry))
        let selector = try Selector(locator)
        var stored: StoredArtifact?
        if case .digest(let digest) = selector { stored = try named(locator, registry) { try origin.artifact(.digest(.sha256(digest))) } }
        if let stored {
            let read = try ReadManifest(stored, of: "what \(registry) has as \(locator)")
            return (read, try ArtifactKind(read), origin)
        }
        guard let stored = try named(locator, registry, { try origin.artifact(.tag(locator.tag)) }) else {
            throw notFound(locator, at: origin, registry)
        }
        let read = try ReadManifest(stored, of: "what \(registry) has as \(locator)")
        let kind = try ArtifactKind(read)
        if case .digest(let digest) = selector, !kind.digests.contains(digest) { throw notFound(locator, at: origin, registry) }
        return (read, kind, origin)
    }

    /// Runs `body`, and says of bytes that are not what they should be whose they are, and what was asked for.
    private func named<Value>(_ locator: Locator, _ registry: RegistryURL, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as any ResourceError where error.code == .digestInvalid {
            throw RegistryError(
                "\(registry) answered a request for \(locator.at(registry: nil)) with something else: \(error.message)",
                code: .digestInvalid,
                hint: "nothing was stored", cause: error)
        }
    }

    /// Fetches an artifact through `/v2/` into the copies of that registry. `copy` is what is here under the locator.
    func pull(_ locator: Locator, through registry: RegistryURL, copy: ResourceRecord?, _ meter: TransferMeter) throws -> ResourceRecord {
        if let copy, locator.digest == nil, copy.reference.tag == locator.tag,
            try distribution(registry).head(try readableRepository(locator, at: registry), .tag(locator.tag)) == copy.manifestDigest
        {
            return copy
        }
        let (read, kind, origin) = try artifact(locator, at: registry)
        if let copy, case .packed(let packed) = kind, packed.manifest == copy.manifestDigest, copy.reference.tag == locator.tag {
            return copy
        }
        let reference = Reference(registry: registry.authority, repository: locator.repository, tag: locator.tag)
        return try store(read, kind, from: origin, as: reference, meter)
    }

    /// Stores an artifact with all that belongs to it, or nothing.
    func store(
        _ read: ReadManifest, _ kind: ArtifactKind, from origin: some ArtifactOrigin, as reference: Reference, _ meter: TransferMeter,
        referrers: Bool = false
    ) throws -> ResourceRecord {
        let operation = try store.begin()
        defer {
            operation.cancel()
            progress.end()
        }
        let fetcher = ArtifactFetcher(progress: progress, meter: meter)
        if case .packed(let packed) = kind {
            return try operation.commit(try fetcher.unpack(packed, from: origin, into: operation), as: reference)
        }
        let set = try ArtifactSet(read, from: origin, referrers: referrers)
        let names = try fetcher.fetch(set, from: origin, into: operation)
        let artifacts = try (set.parts + set.referrers + [set.root]).map { each in
            try Artifact(parsing: each.stored.bytes, mediaType: each.stored.mediaType, repository: reference.repository)
        }
        return try operation.commit(artifacts, as: reference, names: names)
    }

    /// What a registry has under a locator, read through `/v2/`; of its blobs, at most the list of a packed resource's files is fetched.
    func describe(_ locator: Locator, through registry: RegistryURL) throws -> (record: ResourceRecord, files: [ResourceFile]) {
        let (read, kind, origin) = try artifact(locator, at: registry)
        let reference = Reference(registry: registry.authority, repository: locator.repository, tag: locator.tag)
        func record(_ manifest: ResourceManifest, _ digest: Digest) -> ResourceRecord {
            ResourceRecord(
                reference: reference, manifestDigest: digest, tree: manifest.tree, size: manifest.size, fileCount: manifest.files.count,
                definition: manifest.definition, createdAt: 0, updatedAt: 0)
        }
        switch kind {
        case .resource(let manifest): return (record(manifest, read.stored.digest), manifest.files)
        case .packed(let packed):
            let manifest = try ArtifactFetcher.manifest(of: packed, from: origin)
            return (record(manifest, packed.manifest), manifest.files)
        case .foreign:
            let artifact = try Artifact(parsing: read.stored.bytes, mediaType: read.stored.mediaType, repository: locator.repository)
            let record = ResourceRecord(
                reference: reference, manifestDigest: artifact.digest, tree: artifact.digest, mediaType: artifact.mediaType,
                artifactType: artifact.artifactType, size: artifact.size, fileCount: artifact.fileCount, definition: artifact.definition,
                createdAt: 0, updatedAt: 0)
            var walk = ForeignFiles { digest in
                try origin.artifact(.digest(digest)).map { stored in
                    (try ReadManifest(stored, name: digest, of: "\(digest)").manifest, stored.bytes.count)
                }
            } resolve: {
                $0.digest.sha256
            }
            return (record, try walk.files(of: read.manifest).sorted { $0.path < $1.path })
        }
    }

    /// The repository of a locator, when a registry can have it. Throws `RegistryError` "not found" when its name is none for a
    /// registry that has `/v2/` alone.
    func readableRepository(_ locator: Locator, at registry: RegistryURL) throws -> String {
        let repository = locator.repository
        guard try DistributionClient.isPortable(repository) || face(of: registry, for: repository) == .rx else {
            throw RegistryError.notFound(
                locator.at(registry: registry.authority).description,
                hint: "\(registry) is an OCI registry, which takes names in lower case only: \(repository) cannot be there")
        }
        return repository
    }

    private func notFound(_ locator: Locator, at origin: RemoteOrigin, _ registry: RegistryURL) -> RegistryError {
        let tags = ((try? origin.client.tags(of: origin.repository)) ?? []).filter { $0 != locator.tag }
        let some = tags.suffix(10).joined(separator: ", ")
        let hint = tags.isEmpty ? nil : "\(registry) has it with \(tags.count > 10 ? "\(tags.count) tags, such as" : "the tags") \(some)"
        return RegistryError.notFound(locator.at(registry: registry.authority).description, hint: hint)
    }
}
