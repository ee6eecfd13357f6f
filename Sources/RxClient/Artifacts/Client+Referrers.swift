import RxHTTP
public import RxModel
import RxStore

extension Client {
    /// What refers to an artifact.
    public struct Referring: Sendable {
        /// The artifact, with the registry that was asked.
        public let subject: Locator
        /// The digest of its manifest.
        public let digest: Digest
        /// What refers to it, in the order of the answer.
        public let referrers: [Descriptor]
    }

    /// What refers to an artifact, such as signatures and lists of its parts; of one type when `artifactType` is given. A locator
    /// without a host is looked for in the local store, then in the registries in order.
    public func referrers(_ locator: Locator, artifactType: String?, at name: String?) throws -> Referring {
        if let name { return try referrers(locator, artifactType, at: registry(name)) }
        if let host = locator.registry { return try referrers(locator, artifactType, at: registry(forHost: host)) }
        guard let record = try local(locator) else { return try firstAnswer(locator) { try referrers(locator, artifactType, at: $0) } }
        let all = try store.referrers(registry: "", repository: locator.repository, of: .sha256(record.manifestDigest))
        return Referring(
            subject: record.reference.locator, digest: record.manifestDigest,
            referrers: all.filter { artifactType == nil || $0.artifactType == artifactType })
    }

    private func referrers(_ locator: Locator, _ artifactType: String?, at registry: RegistryURL) throws -> Referring {
        let (read, _, origin) = try artifact(locator, at: registry)
        let found = try origin.client.referrers(origin.repository, of: .sha256(read.stored.digest), artifactType: artifactType)
        return Referring(subject: locator.at(registry: registry.authority), digest: read.stored.digest, referrers: found)
    }
}
