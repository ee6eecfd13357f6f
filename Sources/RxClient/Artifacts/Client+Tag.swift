import RxHTTP
public import RxModel
public import RxStore

extension Client {
    /// What a tag was put on.
    public struct Tagging: Sendable {
        /// The new name.
        public let reference: Reference
        /// The manifest's digest.
        public let digest: Digest
    }

    /// Gives the artifact `source` one more tag: `text` is the tag, or a locator of the same repository. Without a host it is done in the
    /// local store, with one on the registry, where no blob moves. Throws `RegistryError` for another repository or host.
    public func tag(_ source: Locator, as text: String) throws -> Tagging {
        let target = try tagged(source, text)
        guard let host = source.registry else { return try tagHere(source, target.tag) }
        let registry = try registry(forHost: host)
        let (read, _, origin) = try artifact(source, at: registry)
        try origin.client.put(read.stored, in: origin.repository, tag: target.tag)
        let reference = Reference(registry: registry.authority, repository: origin.repository, tag: target.tag)
        return Tagging(reference: reference, digest: read.stored.digest)
    }

    private func tagHere(_ source: Locator, _ tag: String) throws -> Tagging {
        guard let record = try local(source) else { throw try notFound(source) }
        let reference = Reference(repository: source.repository, tag: tag)
        guard let stored = try store.artifact(registry: "", repository: source.repository, name: .digest(.sha256(record.manifestDigest)))
        else { throw try notFound(source) }
        let artifact = try Artifact(parsing: stored.bytes, mediaType: stored.mediaType, repository: source.repository)
        return Tagging(reference: try store.begin().commit([artifact], as: reference, names: [:]).reference, digest: stored.digest)
    }

    /// The locator that the new tag makes.
    private func tagged(_ source: Locator, _ text: String) throws -> Locator {
        if LocatorGrammar.isTag(text) { return source.tagged(text) }
        let target = try Locator(parsing: text)
        guard target.digestPrefix == nil else {
            throw RegistryError(
                "\(target) has a digest, and a tag has none: a digest names its content by itself", code: .invalidRequest,
                hint: "leave @sha256:... out")
        }
        guard target.repository == source.repository, try host(of: target) == host(of: source) else {
            throw RegistryError(
                "\(target) is in another repository than \(source), and a tag stays in its own", code: .invalidRequest,
                hint: "to copy it there: rx copy \(source) \(target)")
        }
        return target
    }
}
