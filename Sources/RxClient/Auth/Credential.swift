import RxModel

/// What proves to a registry who asks. It never shows its secret when it is printed.
public enum Credential: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A user's name and password, or an access token in its place.
    case password(user: String, secret: String)
    /// A token that a token service changes into others (OAuth 2 refresh token).
    case identity(token: String)
    /// A token that is sent as it is.
    case bearer(token: String)

    /// The user's name, where there is one.
    public var user: String? { if case .password(let user, _) = self { user } else { nil } }

    public var description: String {
        switch self {
        case .password(let user, _): "password of \(user)"
        case .identity: "identity token"
        case .bearer: "access token"
        }
    }

    /// The description, so that no secret reaches a log.
    public var debugDescription: String { description }
    /// No members, so that no secret reaches a dump.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// A name and secret as credential helpers and `rx login` get them: the name `<token>` says that the secret is an identity token.
    public init(user: String, secret: String) {
        self = user == "<token>" ? .identity(token: secret) : .password(user: user, secret: secret)
    }

    /// As `credentials.json` writes it.
    var json: JSON {
        switch self {
        case .password(let user, let secret): .members(["username": .string(user), "password": .string(secret)])
        case .identity(let token): .members(["identityToken": .string(token)])
        case .bearer(let token): .members(["registryToken": .string(token)])
        }
    }

    /// Reads what `json` writes; nil for what is no credential.
    init?(json: JSON) {
        if let token = json["identityToken"]?.string {
            self = .identity(token: token)
        } else if let token = json["registryToken"]?.string {
            self = .bearer(token: token)
        } else if let user = json["username"]?.string, let secret = json["password"]?.string {
            self = .password(user: user, secret: secret)
        } else {
            return nil
        }
    }
}

/// Knows the credentials for registries.
public protocol CredentialSource: Sendable {
    /// The credential for a registry, by its `host[:port]`; nil when there is none. `notes` gets what was wrong with a place that was
    /// asked, in words for people.
    func credential(for host: String, notes: inout [String]) throws -> Credential?
}

/// One credential for one registry, such as one that is tried before it is saved.
public struct FixedCredential: CredentialSource {
    private let host: String
    private let credential: Credential

    /// Gives `credential` for `host` alone.
    public init(_ credential: Credential, for host: String) {
        self.credential = credential
        self.host = CredentialStore.key(host)
    }

    public func credential(for host: String, notes: inout [String]) -> Credential? {
        CredentialStore.key(host) == self.host ? credential : nil
    }
}
