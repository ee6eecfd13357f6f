public import RxModel

/// The answer to the question which resources provide a module. Source: Specs/06-http, API-078.
public struct Providers: Sendable, Equatable {
    /// One resource.
    public struct Provider: Sendable, Equatable {
        /// Path, name and tag, without a registry.
        public let locator: Locator
        /// The SHA-256 of the manifest's bytes.
        public let manifest: Digest
        /// The tree digest.
        public let tree: Digest

        /// Describes a resource.
        public init(locator: Locator, manifest: Digest, tree: Digest) {
            self.locator = locator
            self.manifest = manifest
            self.tree = tree
        }

        var json: JSON {
            .members([
                "locator": .string(locator.at(registry: nil).description), "digest": .string(manifest.description),
                "tree": .string(tree.description),
            ])
        }

        init(_ json: JSON) throws(RegistryError) {
            let answer = try Answer(json, "resource that provides a module")
            self.init(locator: try answer.locator("locator"), manifest: try answer.digest("digest"), tree: try answer.digest("tree"))
        }
    }

    /// The most resources in one answer.
    public static let limit = 100

    /// Where nobody says that he provides a module: the resource of its name.
    public enum Namesake: Sendable, Equatable {
        /// The registry did not look for it.
        case unknown
        /// There is none.
        case none
        /// It is this one.
        case some(Provider)
    }

    /// One resource of each repository, the one whose tag was put last first.
    public let providers: [Provider]
    /// The resource of the module's name; unknown where there are providers.
    public let namesake: Namesake

    /// Makes an answer.
    public init(_ providers: [Provider], namesake: Namesake = .unknown) {
        self.providers = providers
        self.namesake = namesake
    }

    /// The answer as JSON.
    public var json: JSON {
        let named: JSON? =
            switch namesake {
            case .unknown: nil
            case .none: .null
            case .some(let provider): provider.json
            }
        return .members(["providers": .array(providers.map(\.json)), "namesake": named])
    }

    /// Reads an answer. Throws `RegistryError` for a member that is missing or of the wrong kind.
    public init(parsing bytes: [UInt8]) throws(RegistryError) {
        let answer = try Answer(parsing: bytes, "answer to who provides a module")
        var providers: [Provider] = []
        for json in try answer.array("providers") { providers.append(try Provider(json)) }
        let namesake: Namesake =
            switch answer.json["namesake"] {
            case nil: .unknown
            case .null: .none
            case .some(let json): .some(try Provider(json))
            }
        self.init(providers, namesake: namesake)
    }
}
