import RxHTTP
public import RxLoader
public import RxModel
import RxProtocol
import RxStore

/// Finds resources and binds them while only their manifests are here. Source: Specs/15-loader, "Partial resources".
extension Client {
    /// Finds a resource, as `find` does, and gives it with its files, which are fetched when they are asked for: only its manifest comes now.
    /// One of a type that `partly` is false for, an artifact of another kind, and what is here as a whole, are as `find` gives them.
    public func bind(_ locator: Locator, partly: (_ type: String) -> Bool = { _ in true }) throws -> StoredResource {
        // What is pinned by its digest, or the store's own, is never asked for.
        if locator.digest != nil, let here = try stored(locator) { return here }
        if locator.registry == nil, let record = try local(locator) { return try shelved(record, as: locator) }
        let meter = TransferMeter(wire)
        if let host = locator.registry { return try bind(locator, registry(forHost: host), partly, meter) }
        return try firstAnswer(locator) { try bind(locator, $0, partly, meter) }
    }

    /// What is here under a locator and a host, as a whole or in part: what was put last.
    func here(_ locator: Locator, host: String) throws -> StoredResource? {
        let selector = try Selector(locator)
        let whole = try store.resolve(registry: host, repository: locator.repository, selector: selector)
        // A partial copy is older than a whole one of the same digest.
        if host.isEmpty || whole != nil && locator.digest != nil { return try whole.map { try shelved($0, as: locator) } }
        if let partial = try partialCopy(locator, host) { return try shelved(partial, as: locator) }
        return try whole.map { try shelved($0, as: locator) }
    }

    private func partialCopy(_ locator: Locator, _ host: String) throws -> PartialCopy? {
        try store.partialCopy(registry: host, repository: locator.repository, selector: try Selector(locator))
    }

    /// Asks one registry for a resource, and binds what it has; what is here when nobody answers.
    private func bind(_ locator: Locator, _ registry: RegistryURL, _ partly: (String) -> Bool, _ meter: TransferMeter) throws
        -> StoredResource
    {
        let partial = try partialCopy(locator, registry.authority)
        let whole = try store.resolve(registry: registry.authority, repository: locator.repository, selector: try Selector(locator))
        do {
            return try ask(registry) { client in
                let known = partial.map { $0.ifStill(locator) } ?? whole?.ifStill(locator)
                let answer = try client.describe(locator, unless: known)
                guard let info = answer.info else {
                    if let partial { return try shelved(partial, as: locator) }
                    return try shelved(whole!, as: locator)
                }
                let resource = try info.resource(locator, registry, manifest: answer.manifest)
                guard let resource else {
                    faces.note(.rx, transfers: answer.hasTransfers, for: registry)
                    return try bind(info.named(locator), through: registry, partly, partial, whole, meter)
                }
                let reference = Reference(registry: registry.authority, repository: locator.repository, tag: info.locator.tag)
                let isWhole =
                    try store.resolve(
                        registry: registry.authority, repository: locator.repository, selector: .digest(info.manifestDigest)) != nil
                guard partly(resource.manifest.definition.type), !isWhole else {
                    if let whole, whole.manifestDigest == info.manifestDigest, whole.reference.tag == reference.tag {
                        return try shelved(whole, as: locator)
                    }
                    return try shelved(try receive(info, answer, locator, registry, copy: whole, meter), as: locator)
                }
                faces.note(.rx, transfers: answer.hasTransfers, for: registry)
                return try bind(resource.artifact, resource.manifest, reference, as: locator)
            } distribution: { _ in
                try bind(locator, through: registry, partly, partial, whole, meter)
            }
        } catch let error as RegistryError where error.code == .unreachable {
            guard let here = try here(locator, host: registry.authority) else { throw error }
            return here
        }
    }

    /// The same through `/v2/`.
    private func bind(
        _ locator: Locator, through registry: RegistryURL, _ partly: (String) -> Bool, _ partial: PartialCopy?, _ whole: ResourceRecord?,
        _ meter: TransferMeter
    ) throws -> StoredResource {
        if let partial, let known = partial.ifStill(locator),
            try distribution(registry).head(try readableRepository(locator, at: registry), .tag(locator.tag)) == known
        {
            return try shelved(partial, as: locator)
        }
        // A whole one is asked for as ever.
        if partial == nil, let whole { return try shelved(try pull(locator, through: registry, copy: whole, meter), as: locator) }
        let (read, kind, origin) = try artifact(locator, at: registry)
        let reference = Reference(registry: registry.authority, repository: locator.repository, tag: locator.tag)
        switch kind {
        case .resource(let manifest) where partly(manifest.definition.type):
            let artifact = try Artifact(parsing: read.stored.bytes, mediaType: read.stored.mediaType, repository: locator.repository)
            if artifact.tree != nil { return try bind(artifact, manifest, reference, as: locator) }
        case .packed(let packed) where partly(packed.definition.type):
            let manifest = try ArtifactFetcher.manifest(of: packed, from: origin)
            return try bind(Artifact(manifest), manifest, reference, as: locator)
        case .resource, .packed, .foreign: break
        }
        return try shelved(try store(read, kind, from: origin, as: reference, meter), as: locator)
    }

    private func bind(_ artifact: Artifact, _ manifest: ResourceManifest, _ reference: Reference, as locator: Locator) throws
        -> StoredResource
    {
        try store.putPartial(artifact, as: reference, pinned: locator.digest != nil)
        return shelved(manifest, artifact.digest, artifact.bytes, reference, as: locator)
    }

    private func shelved(_ partial: PartialCopy, as locator: Locator) throws -> StoredResource {
        guard let checked = CheckedResource(parsing: partial.bytes, repository: partial.place.repository) else {
            throw ManifestError("the manifest \(partial.place) is that of no resource")
        }
        try? store.noteUse(ofPartial: partial.place)
        let reference = partial.place.reference(partial.tag)
        return shelved(checked.manifest, partial.place.digest, partial.bytes, reference, as: locator)
    }

    private func shelved(_ manifest: ResourceManifest, _ digest: Digest, _ bytes: [UInt8], _ reference: Reference, as locator: Locator)
        -> StoredResource
    {
        StoredResource(
            locator: reference.locator.tagged(locator.tag), digest: digest, manifest: manifest,
            files: PartialFiles(self, reference, digest, bytes: bytes))
    }
}

extension PartialCopy {
    /// The manifest that a registry need not describe again when it still has it under a locator.
    fileprivate func ifStill(_ locator: Locator) -> Digest? {
        locator.digest == nil && locator.tag != Locator.latest && tag == locator.tag ? place.digest : nil
    }
}
