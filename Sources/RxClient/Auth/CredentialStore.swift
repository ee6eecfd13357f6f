import RxHTTP
import RxModel
import RxPosix

/// The credentials that a user has: those of `rx login`, then those of Docker's configuration (entries, and the helpers that it names), then
/// those of netrc.
public struct CredentialStore: CredentialSource {
    /// A registry with a saved credential.
    public struct Entry: Sendable, Equatable {
        /// The registry's `host[:port]`.
        public let host: String
        /// The user's name; nil for a token.
        public let user: String?
    }

    private let home: String
    private let environment: @Sendable (String) -> String?
    /// How helpers are run.
    var runHelper = DockerConfiguration.runHelper
    private static let sizeLimit = 16 << 20

    /// The credentials of the user whose rx home is `home`; the process's environment says where the other places are.
    public init(home: String) { self.init(home: home) { Host.environment($0) } }

    /// The same with another environment: `HOME`, `DOCKER_CONFIG` and `NETRC` are asked for.
    public init(home: String, environment: @escaping @Sendable (String) -> String?) {
        self.home = home
        self.environment = environment
    }

    /// Where `rx login` keeps credentials.
    public static func path(_ home: String) -> String { "\(home)/credentials.json" }

    /// The key of a registry: `host[:port]`, in lower case and without a port that is the scheme's own; read from that or from a URL.
    public static func key(_ text: String) -> String { (try? RegistryURL(parsing: text))?.authority ?? text }

    /// The credential for a registry. A place that cannot be read is left out and noted; a broken `credentials.json` is a
    /// `RegistryError`.
    public func credential(for host: String, notes: inout [String]) throws -> Credential? {
        let host = CredentialStore.key(host)
        if let saved = try saved()[host] { return saved }
        do {
            if let folder = folder("DOCKER_CONFIG", ".docker"),
                let bytes = try CredentialStore.read("\(folder)/config.json"),
                let found = try DockerConfiguration(parsing: bytes, run: runHelper).credential(for: host, notes: &notes)
            {
                return found
            }
        } catch { notes.append("Docker's configuration cannot be used: \(error)") }
        do {
            let path = set("NETRC") ?? set("HOME").map { "\($0)/.netrc" }
            if let path, let bytes = try CredentialStore.read(path) { return Netrc.credential(for: host, in: bytes) }
        } catch { notes.append("netrc cannot be used: \(error)") }
        return nil
    }

    /// Keeps a credential for a registry, in one durable step; the file is the user's alone.
    public func save(_ credential: Credential, for host: String) throws {
        try update { $0[CredentialStore.key(host)] = credential.json }
    }

    /// Forgets the credential that was saved for a registry; false when there was none.
    @discardableResult
    public func remove(_ host: String) throws -> Bool {
        guard try Files.status(CredentialStore.path(home)) != nil else { return false }
        return try update { $0.removeValue(forKey: CredentialStore.key(host)) != nil }
    }

    /// The registries with a saved credential, in the order of their names.
    public func list() throws -> [Entry] {
        try saved().map { Entry(host: $0.key, user: $0.value.user) }.sorted { $0.host < $1.host }
    }

    private func saved() throws -> [String: Credential] { try registries().compactMapValues { Credential(json: $0) } }

    private func registries() throws -> [String: JSON] {
        let path = CredentialStore.path(home)
        guard let bytes = try CredentialStore.read(path) else { return [:] }
        // What is wrong with it is not told in detail: the words around the place may be a secret.
        guard let json = try? JSON(parsing: bytes), let registries = (json["registries"] ?? .object([:])).object else {
            throw RegistryError("\(path) is not what rx login writes", code: .invalidRequest, hint: "delete it and log in again")
        }
        return registries
    }

    private func update<Value>(_ change: (inout [String: JSON]) throws -> Value) throws -> Value {
        try Files.makeFolders(home)
        return try Files.locked("\(home)/credentials.lock") {
            var registries = try registries()
            let value = try change(&registries)
            let json = JSON.members(["registries": .object(registries)])
            try Files.replace(CredentialStore.path(home), with: Array((json.pretty + "\n").utf8), mode: 0o600)
            return value
        }
    }

    /// The value of a variable that is set to something.
    private func set(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }

    private func folder(_ name: String, _ usual: String) -> String? { set(name) ?? set("HOME").map { "\($0)/\(usual)" } }

    /// A file's bytes; nil when there is none.
    private static func read(_ path: String) throws -> [UInt8]? {
        do { return try Files.read(path, limit: sizeLimit) } catch let error as PosixError where error.isMissing { return nil }
    }
}
