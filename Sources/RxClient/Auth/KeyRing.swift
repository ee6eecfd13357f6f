import RxHTTP
import RxModel
import RxPosix
import RxProtocol

/// What has been found out about who may ask what where: credentials, the proof that each kind of access takes, and tokens.
final class KeyRing: Sendable {
    /// What is sent as `Authorization`, and what it came from.
    struct Proof {
        let header: String
        /// The grant that a token came from; nil for a credential that is sent as it is.
        let grant: TokenGrant?
    }

    private enum Way {
        case credential(String)
        case token(TokenGrant)
    }

    private struct State {
        var ways: [AccessKind: Way] = [:]
        var tokens: [Place: (text: String, until: Int)] = [:]
        var credentials: [String: (credential: Credential?, notes: [String])] = [:]
        /// The tokens that some thread is getting now.
        var coming: Set<Place> = []
    }

    /// A token is good for one registry, whoever gives it.
    private struct Place: Hashable {
        let origin: String
        let grant: TokenGrant
    }

    private let transport: any HTTPTransport
    private let source: any CredentialSource
    private let client: String
    private let state = Monitor(State())
    /// Tokens are not used in their last seconds.
    private static let margin = 5

    init(_ transport: any HTTPTransport, _ source: any CredentialSource, client: String) {
        self.transport = transport
        self.source = source
        self.client = client
    }

    /// Whether some challenge is of a kind that is known.
    static func canAnswer(_ challenges: [Challenge]) -> Bool {
        challenges.contains { $0.scheme == "basic" || TokenGrant($0) != nil }
    }

    /// What was good for this kind of access before; nil when nothing is known.
    func known(_ kind: AccessKind, _ url: WebURL) throws -> Proof? {
        switch state.update({ $0.ways[kind] }) {
        case nil: nil
        case .credential(let header): Proof(header: header, grant: nil)
        case .token(let grant): try token(grant, url)
        }
    }

    /// Finds what answers a challenge. `refused` is what the server has just refused. Throws `RegistryError` `unauthorized`.
    func prove(_ kind: AccessKind, _ url: WebURL, _ challenges: [Challenge], refused: Proof?, isLast: Bool) throws -> Proof {
        let host = CredentialStore.key(url.origin)
        if let grant = challenges.lazy.compactMap({ TokenGrant($0) }).first {
            // An old token may have been refused for its age; a new one for the same thing has not.
            if let refused, refused.grant == grant { forget(Place(origin: url.origin, grant: grant)) }
            guard !isLast else { throw refusal(host, grant.purpose) }
            let proof = try token(grant, url)
            state.update { $0.ways[kind] = proof.grant.map { .token($0) } ?? .credential(proof.header) }
            if let refused, refused.header == proof.header { throw refusal(host, grant.purpose) }
            return proof
        }
        let header: String
        switch try credential(host) {
        case .password(let user, let secret)?: header = Credential.basic(user, secret)
        case .bearer(let token)?: header = "Bearer \(token)"
        case .identity?: throw refusal(host, nil)
        case nil: throw required(host, nil)
        }
        guard refused?.header != header, !isLast else {
            state.update { $0.ways[kind] = nil }
            throw refusal(host, nil)
        }
        state.update { $0.ways[kind] = .credential(header) }
        return Proof(header: header, grant: nil)
    }

    /// A token that is good now; one thread gets it and the others wait.
    private func token(_ grant: TokenGrant, _ url: WebURL) throws -> Proof {
        let place = Place(origin: url.origin, grant: grant)
        let found: String?? = state.wait { state in
            if let token = state.tokens[place], token.until > Clock.monotonic { return .some(token.text) }
            return state.coming.insert(place).inserted ? .some(nil) : nil
        }
        if let text = found ?? nil { return Proof(header: "Bearer \(text)", grant: grant) }
        defer { state.update { _ = $0.coming.remove(place) } }
        let host = CredentialStore.key(url.origin)
        let credential = try credential(host)
        if case .bearer(let token) = credential { return Proof(header: "Bearer \(token)", grant: nil) }
        let token = try get(grant, url, host, credential)
        let seconds = max(token.seconds - KeyRing.margin, token.seconds / 2)
        state.update { $0.tokens[place] = (token.text, Clock.monotonic + min(seconds, 1 << 31) * 1_000_000_000) }
        return Proof(header: "Bearer \(token.text)", grant: grant)
    }

    /// Asks the token service. It sees the credentials: so it is reached by https, or, for a registry that is itself reached by http, by
    /// http on the same host or this machine.
    private func get(_ grant: TokenGrant, _ url: WebURL, _ host: String, _ credential: Credential?) throws -> Token {
        guard let realm = try? WebURL(grant.realm) else {
            throw RegistryError("\(host) names a token service that is no URL", code: .invalidAnswer)
        }
        guard realm.scheme == "https" || url.scheme == "http" && (realm.host == url.host || realm.isLoopback) else {
            throw RegistryError(
                "\(host) sends its users to \(realm.origin) for a token, without a secure connection", code: .unauthorized,
                hint: "the registry's operator must give the token service an https address")
        }
        let (head, body) = try transport.collect(grant.request(credential, client: client), limit: 1 << 20)
        switch head.status {
        case 200:
            guard let token = Token(parsing: body) else {
                throw RegistryError("The token service \(realm.origin) of \(host) sent no token", code: .invalidAnswer)
            }
            return token
        case 400, 401, 403: throw credential == nil ? required(host, grant.purpose) : refusal(host, grant.purpose)
        default: throw RegistryError("The token service \(realm.origin) of \(host) answered \(head.status)", code: .invalidAnswer)
        }
    }

    private func forget(_ place: Place) { state.update { $0.tokens[place] = nil } }

    /// The credential for a host, looked for once.
    private func credential(_ host: String) throws -> Credential? {
        if let known = state.update({ $0.credentials[host] }) { return known.credential }
        var notes: [String] = []
        let found = try source.credential(for: host, notes: &notes)
        state.update { [notes] in $0.credentials[host] = (found, notes) }
        return found
    }

    private func required(_ host: String, _ purpose: String?) -> RegistryError {
        let notes = state.update { $0.credentials[host]?.notes ?? [] }
        let hint = (["rx login \(host)"] + notes.map { "(\($0))" }).joined(separator: " ")
        return RegistryError("\(host) requires authentication\(purpose.map { " \($0)" } ?? "")", code: .unauthorized, hint: hint)
    }

    private func refusal(_ host: String, _ purpose: String?) -> RegistryError {
        guard let known = state.update({ $0.credentials[host] }), let credential = known.credential else { return required(host, purpose) }
        return RegistryError(
            "\(host) refused the \(credential)\(purpose.map { " \($0)" } ?? "")", code: .unauthorized, hint: "rx login \(host)")
    }
}
