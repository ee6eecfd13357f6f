import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore

extension ResourceInfo {
    /// The locator that was asked for, with the tag that the registry found for it.
    func named(_ asked: Locator) -> Locator {
        guard asked.tag == Locator.latest, locator.repository == asked.repository else { return asked }
        return asked.digest.map { asked.tagged(locator.tag).pinned(to: $0) } ?? asked.tagged(locator.tag)
    }

    /// The resource that the answer describes, once it is known to be the one that was asked for and the one that it claims to be. Nil for
    /// what is not described by its files or the bytes of its `manifest`, or whose manifest is another than these make: such an artifact's
    /// manifest counts as it is. A registry that does not say what kind of artifact it has, has resources alone.
    ///
    /// Throws `RegistryError` for another name, tag or digest, also of the manifest's bytes, and `ContentError` for files that no resource
    /// may have.
    func resource(_ asked: Locator, _ registry: RegistryURL, manifest: [UInt8]?) throws -> CheckedResource? {
        func refuse(_ reason: String) -> RegistryError {
            RegistryError(
                "\(registry) answered a request for \(asked.at(registry: nil)) \(reason)", code: .digestInvalid, hint: "nothing was stored")
        }
        func isOther() -> RegistryError { refuse("with files that do not have the digest it gave") }
        var known: CheckedResource?
        if let manifest {
            // Bytes with the right digest may be another kind of artifact; any others are not what was said.
            guard sha256(manifest) == manifestDigest else { throw isOther() }
            guard let made = CheckedResource(parsing: manifest, repository: asked.repository) else { return nil }
            known = made
        } else if mediaType != nil || artifactType != nil {
            guard mediaType == MediaType.imageManifest, artifactType == MediaType.resource, let files,
                let made = try? CheckedResource(definition, files), made.artifact.digest == manifestDigest
            else { return nil }
            known = made
        }
        guard locator.repository == asked.repository else { throw refuse("with \(locator.repository)") }
        guard asked.digestPrefix != nil || asked.tag == Locator.latest || locator.tag == asked.tag else {
            throw refuse("with tag \(locator.tag)")
        }
        guard let files = known?.manifest.files ?? files else { throw refuse("without its files") }
        let resource = try known ?? CheckedResource(definition, files)
        guard resource.artifact.digest == manifestDigest, resource.manifest.tree == digest else {
            throw isOther()
        }
        if let wanted = asked.digest, wanted != manifestDigest, wanted != digest { throw refuse("with digest \(manifestDigest)") }
        return resource
    }
}

/// A resource with its manifest's exact bytes, which were made once.
struct CheckedResource: Sendable {
    /// The manifest.
    let manifest: ResourceManifest
    /// The same as it is stored.
    let artifact: Artifact

    /// Throws `ContentError` for files that no resource may have.
    init(_ definition: Definition, _ files: [ResourceFile]) throws {
        manifest = try ResourceManifest(definition: definition, files: files)
        artifact = Artifact(manifest)
    }

    /// Reads a manifest's bytes; nil for those of another artifact than a resource.
    init?(parsing bytes: [UInt8], repository: String) {
        if let scanned = ResourceManifest.scanned(bytes) {
            guard scanned.tree == treeDigest(scanned.files) else { return nil }
            manifest = scanned
            artifact = Artifact(scanned, bytes: bytes)
        } else {
            guard let parsed = try? ResourceManifest(parsing: bytes),
                let made = try? Artifact(parsing: bytes, mediaType: MediaType.imageManifest, repository: repository), made.tree != nil
            else { return nil }
            manifest = parsed
            artifact = made
        }
    }
}

extension ResourceRecord {
    /// The same with the times that a registry gives.
    func dated(_ createdAt: Int, _ updatedAt: Int) -> ResourceRecord {
        ResourceRecord(
            reference: reference, manifestDigest: manifestDigest, tree: tree, mediaType: mediaType, artifactType: artifactType, size: size,
            fileCount: fileCount, definition: definition, createdAt: createdAt, updatedAt: updatedAt)
    }
}
