import RxCrypto
import RxHTTP
public import RxModel
public import RxStore

extension DistributionClient {
    /// The manifests that are asked for.
    static let accepted = [MediaType.imageManifest, MediaType.imageIndex, MediaType.dockerManifest, MediaType.dockerManifestList]
        .joined(separator: ", ")

    /// A manifest of any kind, byte for byte; nil when the repository has none of this name.
    ///
    /// Throws `ContentError` when the bytes do not have the digest that was asked for or that the registry gives, or are too many.
    public func manifest(_ repository: String, _ name: ArtifactName) throws -> StoredArtifact? {
        let what = "send \(repository)\(name.suffix)"
        let asked = request("GET", DistributionPath.manifest(repository, name), headers: ["Accept": DistributionClient.accepted])
        let (head, body) = try answer(asked, to: what, limit: limits.manifest)
        guard head.status != 404 else { return nil }
        guard head.status == 200 else { throw refusal(head, body, to: what) }
        if case .digest(let digest) = name { try verify(body, digest) }
        if let digest = head.headers["Docker-Content-Digest"].flatMap({ ContentDigest($0) }) { try verify(body, digest) }
        return StoredArtifact(bytes: body, mediaType: try mediaType(head, body, what), digest: sha256(body))
    }

    /// The SHA-256 of a manifest; nil when the repository has none of this name.
    public func head(_ repository: String, _ name: ArtifactName) throws -> Digest? {
        let asked = request("HEAD", DistributionPath.manifest(repository, name), headers: ["Accept": DistributionClient.accepted])
        let head = try answer(asked, to: "tell of \(repository)\(name.suffix)").head
        guard head.status != 404 else { return nil }
        if head.status == 200, let digest = head.headers["Docker-Content-Digest"].flatMap({ Digest($0) }) { return digest }
        return try manifest(repository, name)?.digest
    }

    /// Puts a manifest under a tag, or under its digest when `tag` is nil. What it names must be there. Where the registry does not
    /// list referrers itself, the list of what refers to the manifest's subject is kept under its tag.
    ///
    /// Throws `RegistryError` when the registry refuses it, `ContentError` when it stored other bytes.
    public func put(_ artifact: StoredArtifact, in repository: String, tag: String?) throws {
        let name = tag.map { ArtifactName.tag($0) } ?? .digest(.sha256(artifact.digest))
        let what = "store the manifest \(repository)\(name.suffix)"
        let (head, body) = try answer(
            request("PUT", DistributionPath.manifest(repository, name), body: .bytes(artifact.bytes, type: artifact.mediaType)), to: what)
        guard (200...202).contains(head.status) else { throw refusal(head, body, to: what) }
        if let stored = head.headers["Docker-Content-Digest"].flatMap({ Digest($0) }), stored != artifact.digest {
            throw ContentError.mismatch(expected: artifact.digest, got: stored)
        }
        guard head.headers["OCI-Subject"] == nil else { return }
        guard let manifest = try? ArtifactManifest(parsing: artifact.bytes, mediaType: artifact.mediaType),
            let subject = manifest.subject
        else { return }
        let entry = Descriptor(
            mediaType: artifact.mediaType, digest: .sha256(artifact.digest), size: artifact.bytes.count,
            artifactType: manifest.artifactType, annotations: manifest.annotations)
        try changeList(of: subject.digest, in: repository) { $0.contains(entry.digest) ? nil : $0.adding(entry) }
    }

    /// Removes a tag, or a manifest with every tag on it. Throws `RegistryError` when there is none, or the registry does not delete.
    public func delete(_ repository: String, _ name: ArtifactName) throws {
        var subject: ContentDigest?
        if case .digest = name, let artifact = try manifest(repository, name) {
            subject = try? ArtifactManifest(parsing: artifact.bytes, mediaType: artifact.mediaType).subject?.digest
        }
        let what = "delete \(repository)\(name.suffix)"
        let (head, body) = try answer(request("DELETE", DistributionPath.manifest(repository, name)), to: what)
        switch head.status {
        case 200...204: break
        case 404: throw RegistryError.notFound("\(registry.authority)/\(repository)\(name.suffix)")
        case 400, 405:
            let failure = refusal(head, body, to: what)
            throw RegistryError(failure.message, code: failure.code, hint: "the registry may not allow that anything is deleted")
        default: throw refusal(head, body, to: what)
        }
        if case .digest(let digest) = name, let subject, try ownReferrers(repository, of: subject, artifactType: nil) == nil {
            try changeList(of: subject, in: repository) { $0.contains(digest) ? $0.removing(digest) : nil }
        }
    }

    /// Throws `ContentError` for bytes of another digest.
    private func verify(_ bytes: [UInt8], _ expected: ContentDigest) throws {
        guard !expected.names(bytes) else { return }
        guard expected.sha256 == nil else { throw ContentError.mismatch(expected: expected, got: .sha256(sha256(bytes))) }
        let hasher = SHA512Hasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        throw ContentError.mismatch(expected: expected, got: hasher.finish())
    }

    /// The media type of a manifest that came: the header's, without parameters. A header that names no manifest gives way to what the
    /// manifest says itself.
    private func mediaType(_ head: ResponseHead, _ body: [UInt8], _ what: String) throws -> String {
        let sent = (head.headers["Content-Type"] ?? "").split(separator: ";").first.map { String($0).trimmed } ?? ""
        let own = (try? JSON(parsing: body))?["mediaType"]?.string
        guard MediaType.manifests.contains(sent) || MediaType.indexes.contains(sent) else {
            guard let type = own ?? (sent.isEmpty ? nil : sent) else { throw broken(what, "it does not say what the manifest is") }
            return type
        }
        guard own == nil || own == sent else { throw broken(what, "the manifest came as \(sent) and says \(own ?? "") itself") }
        return sent
    }
}
