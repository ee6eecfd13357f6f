public import RxModel

/// A copy of a registry's resource of which the manifest is here, and of the files only those that were used.
public struct PartialCopy: Sendable, Equatable {
    /// Where it is from: registry and repository, and the SHA-256 of the manifest's bytes.
    public let place: ManifestPlace
    /// The tag that it was last asked for by.
    public let tag: String
    /// The manifest's bytes.
    public let bytes: [UInt8]
    /// When it was last used (seconds since 1970), as far as that was noted.
    public let usedAt: Int

    /// Describes a partial copy.
    public init(place: ManifestPlace, tag: String, bytes: [UInt8], usedAt: Int) {
        self.place = place
        self.tag = tag
        self.bytes = bytes
        self.usedAt = usedAt
    }
}

/// Keeps resources of registries whose files come one by one, when they are asked for.
///
/// A partial copy is no manifest of the store: nothing lists, finds, sends or serves it. What it keeps is derived, so that no change has to
/// survive a power failure; what is lost is fetched again. Source: Specs/05-store, "Partial copies".
public protocol PartialCopies: Sendable {
    /// Keeps a resource's manifest, of whose files none need be here, for the copies of `reference.registry`; there from now on it is what
    /// `reference.tag` means, unless it was `pinned`: asked for by its digest, whatever the tag means.
    ///
    /// Throws `RegistryError` for what is no resource, and for this store's own registry.
    func putPartial(_ artifact: Artifact, as reference: Reference, pinned: Bool) throws

    /// The partial copy that a tag, or a manifest or tree digest, names; nil when there is none, and for a tag that was put since on a
    /// manifest whose blobs are all here.
    func partialCopy(registry: String, repository: String, selector: Selector) throws -> PartialCopy?

    /// Has a partial copy keep those of `blobs` (digest and length) that are present with that length, and gives them; no collection deletes
    /// them from now on. Nil when the copy is not there.
    func keep(_ blobs: [Digest: Int], in copy: ManifestPlace) throws -> Set<Digest>?

    /// The manifest digests of the resources that are here of a repository, as a whole or in part, whatever any tag means: those that came last
    /// first.
    func digests(registry: String, repository: String, limit: Int) throws -> [Digest]

    /// Notes that a partial copy is used now, unless that was noted a moment ago.
    func noteUse(ofPartial copy: ManifestPlace) throws
}

extension RegistryError {
    /// The error for what cannot be a partial copy.
    static func noPartial(_ artifact: Artifact, as reference: Reference) -> RegistryError {
        let reason = reference.registry.isEmpty ? "it is no copy of a registry's" : "it is no resource"
        return RegistryError("\(reference) (\(artifact.digest)) cannot be here in part: \(reason)", code: .invalidRequest)
    }
}
