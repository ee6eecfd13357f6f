import RxCrypto
import RxHTTP
import RxModel
import RxProtocol

extension ResourceInfo {
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
