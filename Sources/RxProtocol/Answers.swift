public import RxModel

/// The answer to a search: one result a tag. Source: Specs/06-http.
public struct SearchResults: Sendable, Equatable {
    /// One tag.
    public struct Result: Sendable, Equatable {
        /// Path, name and tag, without a registry.
        public let locator: Locator
        /// The resource's type.
        public let type: String
        /// The tree digest.
        public let digest: Digest
        /// What the resource says it is.
        public let description: String?
        /// When the tag was last put, in seconds since 1970; 0 where the registry does not tell.
        public let updatedAt: Int

        /// Describes a result.
        public init(locator: Locator, type: String, digest: Digest, description: String?, updatedAt: Int) {
            self.locator = locator
            self.type = type
            self.digest = digest
            self.description = description
            self.updatedAt = updatedAt
        }

        var json: JSON {
            .members([
                "locator": .string(locator.at(registry: nil).description), "path": locator.path.map { .string($0) },
                "name": .string(locator.name),
                "type": .string(type), "tag": .string(locator.tag), "digest": .string(digest.description),
                "description": description.map { .string($0) },
                "updatedAt": updatedAt == 0 ? nil : .string(Timestamp.text(updatedAt)),
            ])
        }

        init(_ json: JSON) throws(RegistryError) {
            let answer = try Answer(json, "search result")
            self.init(
                locator: try answer.locator("locator"), type: try answer.string("type"), digest: try answer.digest("digest"),
                description: try answer.optionalString("description"),
                updatedAt: answer.json["updatedAt"] == nil ? 0 : try answer.time("updatedAt"))
        }
    }

    /// The results of this page.
    public let results: [Result]
    /// How many there are in all.
    public let total: Int

    /// Makes a page.
    public init(results: [Result], total: Int) {
        self.results = results
        self.total = total
    }

    /// The answer as JSON.
    public var json: JSON { .members(["results": .array(results.map(\.json)), "total": .integer(total)]) }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "answer to a search")
        var results: [Result] = []
        for json in try answer.array("results") { results.append(try Result(json)) }
        self.init(results: results, total: try answer.int("total"))
    }
}

/// The answer to a publish: what is stored now.
public struct PublishReceipt: Sendable, Equatable {
    /// Path, name and tag, without a registry.
    public let locator: Locator
    /// The tree digest.
    public let digest: Digest
    /// The SHA-256 of the manifest's bytes.
    public let manifestDigest: Digest

    /// Makes a receipt.
    public init(locator: Locator, digest: Digest, manifestDigest: Digest) {
        self.locator = locator
        self.digest = digest
        self.manifestDigest = manifestDigest
    }

    /// The answer as JSON.
    public var json: JSON {
        .members([
            "locator": .string(locator.at(registry: nil).description), "digest": .string(digest.description),
            "manifestDigest": .string(manifestDigest.description),
        ])
    }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "answer to a publish")
        self.init(
            locator: try answer.locator("locator"), digest: try answer.digest("digest"), manifestDigest: try answer.digest("manifestDigest")
        )
    }
}

/// The answer of `/.well-known/resourcex`: where the registries of a host are.
public struct WellKnown: Sendable, Equatable {
    /// The version of this answer's form.
    public static let version = "1.0"

    /// The URLs of the APIs, the preferred one first.
    public let registries: [String]

    /// Makes an answer.
    public init(registries: [String]) { self.registries = registries }

    /// The answer as JSON.
    public var json: JSON { .members(["version": .string(WellKnown.version), "registries": .array(registries.map { .string($0) })]) }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "list of registries")
        var registries: [String] = []
        for json in try answer.array("registries") {
            guard let url = json.string else { throw answer.fault("registries", "a list of texts") }
            registries.append(url)
        }
        self.init(registries: registries)
    }
}
