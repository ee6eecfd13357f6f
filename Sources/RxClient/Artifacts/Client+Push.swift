public import RxHTTP
public import RxModel
public import RxProtocol
import RxCrypto
import RxStore

extension Client {
    /// Sends a resource or artifact of the local store to the registry that is named, else to the one in the locator, else to the
    /// default. An rx registry takes a resource by its own call; everything else goes through `/v2/`, byte for byte, and a resource
    /// whose manifest is too long for a registry that has `/v2/` alone in packed form.
    public func push(_ locator: Locator, to name: String?) throws -> (registry: RegistryURL, receipt: PublishReceipt) {
        let registry =
            try name.map { try self.registry($0) } ?? locator.registry.map { try self.registry(forHost: $0) } ?? self.registry(nil)
        let own = locator.at(registry: nil)
        return try reading {
            guard let record = try local(own) ?? (locator.registry == nil ? nil : local(locator)) else { throw try notFound(locator) }
            return record
        } _: { record, manifest in
            (registry, try push(record, manifest, to: registry))
        }
    }

    private func push(_ record: ResourceRecord, _ manifest: ResourceManifest, to registry: RegistryURL) throws -> PublishReceipt {
        let target = record.reference.locator.at(registry: nil)
        let isPlain = record.isResource && manifest.isPublished(as: record)
        if isPlain, try face(of: registry, for: target.repository) == .rx, !movesByBlobs(manifest) {
            do { return try remote(registry).publish(manifest, as: target, from: store) } catch let error as RegistryError
                where error.isOfAnotherInterface
            {
                // It had these calls once, and has them no more.
                faces.note(.distribution, for: registry)
            }
        }
        let source = record.reference
        let origin = LocalOrigin(store: store, registry: source.registry, repository: source.repository)
        guard let stored = try origin.artifact(.digest(.sha256(record.manifestDigest))) else {
            throw RegistryError.notFound(source.description)
        }
        let read = try ReadManifest(stored, of: "\(source)")
        try send(read, from: origin, to: target, at: registry, referrers: false)
        return PublishReceipt(locator: target, digest: record.tree, manifestDigest: record.manifestDigest)
    }

    /// Sends an artifact with all that belongs to it through `/v2/`; gives the number of its manifests. Throws `RegistryError` when the
    /// name is none for the registry.
    @discardableResult
    func send(
        _ read: ReadManifest, from origin: some ArtifactOrigin, to target: Locator, at registry: RegistryURL, referrers: Bool
    ) throws -> Int {
        let repository = try writableRepository(target, at: registry)
        let client = distribution(registry)
        var sender = ArtifactSender(client: client, repository: repository, progress: progress)
        // Only what is in the local store can be cut.
        if origin is LocalOrigin { sender.deltas = deltas(registry) }
        let set = try ArtifactSet(read, from: origin, referrers: referrers)
        if PackedResource.isNeeded(manifestBytes: read.stored.bytes.count), try face(of: registry) == .distribution,
            case .resource(let manifest) = try ArtifactKind(read)
        {
            try sendPacked(manifest, read, from: origin, by: sender, as: target.tag)
            return 1
        }
        try sender.send(set, from: origin, as: .tag(target.tag))
        return set.all.count
    }

    private func sendPacked(
        _ manifest: ResourceManifest, _ read: ReadManifest, from origin: some ArtifactOrigin, by sender: ArtifactSender, as tag: String
    ) throws {
        // What stands for this manifest already need not be packed again to learn that it is the same.
        if let present = try sender.client.manifest(sender.repository, .tag(tag)),
            let known = try? PackedResource(ArtifactManifest(parsing: present.bytes, mediaType: present.mediaType)),
            known.manifest == read.stored.digest, manifest.digest == read.stored.digest
        {
            return
        }
        progress.begin("packing", total: manifest.size)
        defer { progress.end() }
        let descriptors = Dictionary(read.manifest.layers.map { ($0.digest, $0) }) { first, _ in first }
        let packed = try PackedOrigin(manifest, digest: manifest.digest, in: "\(home)/cache") { digest in
            guard let layer = descriptors[.sha256(digest)] else { throw RegistryError.blobNotFound(digest) }
            return VerifyingSource(MeteredSource(try origin.open(layer), progress), digest: digest, size: layer.size)
        }
        try sender.send(packed.set, from: packed, as: .tag(tag))
    }

    /// The repository of a locator, when a registry takes it. Throws `RegistryError` that says why it does not.
    private func writableRepository(_ locator: Locator, at registry: RegistryURL) throws -> String {
        let repository = locator.repository
        guard DistributionClient.isPortable(repository) else {
            // An rx registry takes a resource of such a name by its own call alone, and this is something else.
            let isForAll = try face(of: registry) == .rx
            throw RegistryError(
                "\(registry) does not take \(isForAll ? "this under " : "")the name \(repository): "
                    + "an OCI registry takes lower-case letters, digits and single . _ - between them", code: .nameInvalid,
                hint: "copy it under another name (rx copy \(locator) \(repository.portable)) and push that"
                    + (isForAll ? "" : ", or push to an rx registry"))
        }
        return repository
    }
}

extension ResourceManifest {
    /// Whether publishing these files under the record's name gives exactly the record's manifest.
    fileprivate func isPublished(as record: ResourceRecord) -> Bool {
        let locator = record.reference.locator
        return definition.name == locator.name && (definition.path ?? locator.path) == locator.path
            && (definition.tag ?? locator.tag) == locator.tag && digest == record.manifestDigest
    }
}

extension String {
    /// A name like this one that every registry takes.
    fileprivate var portable: String {
        let parts = lowercased().utf8.split(separator: UInt8(ascii: "/")).map { part in
            let runs = part.split { !(UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0) }
            return runs.map { String(Substring($0)) }.joined(separator: "-")
        }
        let name = parts.filter { !$0.isEmpty }.joined(separator: "/")
        return name.isEmpty ? "another-name" : name
    }
}
