import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore

extension ResourceInfo {
    /// Whether the answer describes a resource by its files, and its manifest is the one that these make. Anything else is an artifact
    /// whose manifest counts as it is. A registry that does not say what kind of artifact it has, has resources alone.
    var isPlainResource: Bool {
        guard mediaType != nil || artifactType != nil else { return true }
        guard mediaType == MediaType.imageManifest, artifactType == MediaType.resource, let files else { return false }
        return (try? ResourceManifest(definition: definition, files: files))?.digest == manifestDigest
    }

    /// The locator that was asked for, with the tag that the registry found for it.
    func named(_ asked: Locator) -> Locator {
        guard asked.tag == Locator.latest, locator.repository == asked.repository else { return asked }
        return asked.digest.map { asked.tagged(locator.tag).pinned(to: $0) } ?? asked.tagged(locator.tag)
    }

    /// The manifest that the answer describes, once it is known to be the one that was asked for and the one that it claims to be.
    ///
    /// Throws `RegistryError` for another name, tag or digest, `ContentError` for files that no resource may have.
    func checkedManifest(_ asked: Locator, _ registry: RegistryURL) throws -> ResourceManifest {
        func refuse(_ reason: String) -> RegistryError {
            RegistryError(
                "\(registry) answered a request for \(asked.at(registry: nil)) \(reason)", code: .digestInvalid, hint: "nothing was stored")
        }
        guard locator.repository == asked.repository else { throw refuse("with \(locator.repository)") }
        guard asked.digestPrefix != nil || asked.tag == Locator.latest || locator.tag == asked.tag else {
            throw refuse("with tag \(locator.tag)")
        }
        guard let files else { throw refuse("without its files") }
        let manifest = try ResourceManifest(definition: definition, files: files)
        guard manifest.digest == manifestDigest, manifest.tree == digest else {
            throw refuse("with files that do not have the digest it gave")
        }
        if let wanted = asked.digest, wanted != manifestDigest, wanted != digest { throw refuse("with digest \(manifestDigest)") }
        return manifest
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
