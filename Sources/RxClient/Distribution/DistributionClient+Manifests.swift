import RxCrypto
import RxHTTP
public import RxModel
public import RxStore

extension DistributionClient {
    /// A manifest of any kind, byte for byte; nil when the repository has none of this name.
    ///
    /// Throws `ContentError` when the bytes do not have the digest that was asked for or that the registry gives.
    public func manifest(_ repository: String, _ name: ArtifactName) throws -> StoredArtifact? { nil }

    /// The SHA-256 of a manifest; nil when the repository has none of this name.
    public func head(_ repository: String, _ name: ArtifactName) throws -> Digest? { nil }

    /// Puts a manifest under a tag, or under its digest when `tag` is nil. What it names must be there. Where the registry does not
    /// list referrers itself, the list of what refers to the manifest's subject is kept under its tag.
    public func put(_ artifact: StoredArtifact, in repository: String, tag: String?) throws {}

    /// Removes a tag, or a manifest with every tag on it. Throws `RegistryError` when there is none, or the registry does not delete.
    public func delete(_ repository: String, _ name: ArtifactName) throws {}
}
