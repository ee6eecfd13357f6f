import RxHTTP
import RxModel
import RxStore

/// Where a stream of blobs goes, as the query of its request says.
enum TransferTarget {
    /// Into a repository.
    case repository(String)
    /// Into a repository, where the manifest then becomes visible under a tag.
    case commit(manifest: Digest, as: Reference)

    /// Reads the query. Throws `RegistryError` or `LocatorError`.
    init(_ call: Call) throws {
        guard let text = try call.query("locator") else {
            guard let repository = try call.query("repository") else {
                throw RegistryError("the query needs repository, or locator and manifest", code: .invalidQuery)
            }
            try TransferTarget.checkRepository(repository)
            self = .repository(repository)
            return
        }
        guard !text.isEmpty else { throw RegistryError("A locator is required", code: .locatorRequired) }
        guard let manifest = try call.query("manifest") else {
            throw RegistryError("the query has a locator, and needs the manifest's digest, too", code: .invalidQuery)
        }
        guard let digest = Digest(manifest) else {
            throw RegistryError(
                "the query's manifest is no SHA-256 digest", code: .digestInvalid, hint: "write it like sha256: and 64 hexadecimal digits")
        }
        let locator = try Locator(parsing: text)
        guard locator.digestPrefix == nil else {
            throw LocatorError("A locator to be tagged may not have a digest: \(locator)", locator: text)
        }
        self = .commit(manifest: digest, as: Reference(repository: locator.repository, tag: locator.tag))
    }

    /// The repository's name.
    var repository: String {
        switch self {
        case .repository(let name): name
        case .commit(_, let reference): reference.repository
        }
    }

    /// Checks the name of a repository that is written to: one of the OCI interface, or what a locator has. Throws `RegistryError`.
    static func checkRepository(_ name: String) throws(RegistryError) {
        if let locator = try? Locator(parsing: name), locator.registry == nil, locator.repository == name { return }
        try DistributionName.checkWritable(name)
    }
}
