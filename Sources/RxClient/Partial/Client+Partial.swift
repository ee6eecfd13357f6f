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
        if locator.digest != nil, let here = try stored(locator), try isUsable(here, partly) { return here }
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
        let part = try part(locator, registry.authority, partly)
        let whole = try store.resolve(registry: registry.authority, repository: locator.repository, selector: try Selector(locator))
        do {
            return try ask(registry) { client in
                let known = part.map(\.unless) ?? whole?.ifStill(locator)
                let answer = try client.describe(locator, unless: known)
                guard let info = answer.info else {
                    return try part?.resource ?? shelved(whole!, as: locator) { try bind(locator, registry, partly, meter) }
                }
                let resource = try info.resource(locator, registry, manifest: answer.manifest)
                guard let resource else {
                    faces.note(.rx, transfers: answer.hasTransfers, for: registry)
                    return try bind(info.named(locator), through: registry, partly, part, whole, meter)
                }
                let reference = Reference(registry: registry.authority, repository: locator.repository, tag: info.locator.tag)
                guard partly(resource.manifest.definition.type), try !isWhole(info.manifestDigest, reference) else {
                    if let whole, whole.manifestDigest == info.manifestDigest, whole.reference.tag == reference.tag {
                        return try shelved(whole, as: locator) { try bind(locator, registry, partly, meter) }
                    }
                    let received = try receive(info, answer, locator, registry, copy: whole, meter)
                    return try shelved(received, as: locator) { try bind(locator, registry, partly, meter) }
                }
                faces.note(.rx, transfers: answer.hasTransfers, for: registry)
                return try bind(resource.artifact, resource.manifest, reference, as: locator)
            } distribution: { _ in
                try bind(locator, through: registry, partly, part, whole, meter)
            }
        } catch let error as RegistryError where error.code == .unreachable {
            if let here = try here(locator, host: registry.authority), try isUsable(here, partly) { return here }
            guard let whole else { throw try unknownTag(locator.at(registry: registry.authority), error) ?? error }
            return try shelved(whole, as: locator)
        }
    }

    /// A copy with its files; what `again` gives when others have removed it meanwhile.
    private func shelved(_ copy: ResourceRecord, as locator: Locator, else again: () throws -> StoredResource) throws -> StoredResource {
        do { return try shelved(copy, as: locator) } catch let error as RegistryError where error.code == .resourceNotFound {
            return try again()
        }
    }

    /// The error for a tag of which nobody has said here what it means, while its registry cannot be asked; nil when nothing of the name is here.
    private func unknownTag(_ locator: Locator, _ failure: RegistryError) throws -> RegistryError? {
        guard locator.digestPrefix == nil, let advice = UnknownTag.advice(locator, try contents(named: locator)) else { return nil }
        return RegistryError(
            "what the tag of \(locator) means is not known here, and could not be asked: \(failure.message)", code: failure.code,
            hint: advice, cause: failure)
    }

    /// Whether a resource is here as its user needs it: of a type that `partly` is false for, with all its files.
    private func isUsable(_ here: StoredResource, _ partly: (String) -> Bool) throws -> Bool {
        try here.isWhole || partly(here.manifest.definition.type) || here.missing(here.manifest.files).isEmpty
    }

    private func isWhole(_ digest: Digest, _ reference: Reference) throws -> Bool {
        try store.resolve(registry: reference.registry, repository: reference.repository, selector: .digest(digest)) != nil
    }

    /// What is here in part under a locator, before its registry is asked.
    private struct Part {
        let resource: StoredResource
        /// What the registry need not describe again, when that is as its user needs it.
        let unless: Digest?
    }

    private func part(_ locator: Locator, _ host: String, _ partly: (String) -> Bool) throws -> Part? {
        guard let copy = try partialCopy(locator, host) else { return nil }
        let resource = try shelved(copy, as: locator)
        return Part(resource: resource, unless: try isUsable(resource, partly) ? copy.ifStill(locator) : nil)
    }

    /// The same through `/v2/`.
    private func bind(
        _ locator: Locator, through registry: RegistryURL, _ partly: (String) -> Bool, _ part: Part?, _ whole: ResourceRecord?,
        _ meter: TransferMeter
    ) throws -> StoredResource {
        if let part, let known = part.unless,
            try distribution(registry).head(try readableRepository(locator, at: registry), .tag(locator.tag)) == known
        {
            return part.resource
        }
        // A whole one is asked for as ever.
        if part == nil, let whole { return try shelved(try pull(locator, through: registry, copy: whole, meter), as: locator) }
        let (read, kind, origin) = try artifact(locator, at: registry)
        let reference = Reference(registry: registry.authority, repository: locator.repository, tag: locator.tag)
        switch kind {
        case .resource(let manifest) where partly(manifest.definition.type):
            let artifact = try Artifact(parsing: read.stored.bytes, mediaType: read.stored.mediaType, repository: locator.repository)
            if artifact.tree != nil, try !isWhole(artifact.digest, reference) {
                return try bind(artifact, manifest, reference, as: locator)
            }
        case .packed(let packed) where partly(packed.definition.type):
            let manifest = try ArtifactFetcher.manifest(of: packed, from: origin)
            let artifact = Artifact(manifest)
            if try !isWhole(artifact.digest, reference) { return try bind(artifact, manifest, reference, as: locator) }
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
