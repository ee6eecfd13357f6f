import RxCrypto
import RxHTTP
import RxModel

/// Where a token is to be had, and what for: what a Bearer challenge says. Source: "Token Authentication Specification" of the
/// distribution project; RFC 6750, section 3.
struct TokenGrant: Hashable {
    /// The token service's URL.
    let realm: String
    /// The registry, as the service knows it.
    let service: String?
    /// What the token allows, such as `repository:team/hello:pull,push`; several are divided by spaces.
    let scope: String?

    /// Reads a challenge; nil for one of another scheme, or without a realm.
    init?(_ challenge: Challenge) {
        guard challenge.scheme == "bearer", let realm = challenge.parameters["realm"], !realm.isEmpty else { return nil }
        self.realm = realm
        service = challenge.parameters["service"]
        scope = challenge.parameters["scope"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private var scopes: [String] { scope?.split(separator: " ").map(String.init) ?? [] }

    /// The request for a token: by GET, with the user's name and password where there are some; an identity token is changed by POST
    /// (RFC 6749, section 6), which is never sent on to another place.
    func request(_ credential: Credential?, client: String) -> TransportRequest {
        var items = [("service", service)].compactMap { name, value in value.map { (name, $0) } }
        if case .identity(let token) = credential {
            items += [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]
            if let scope { items.append(("scope", scope)) }
            var request = TransportRequest(
                "POST", realm, headers: ["Accept": "application/json"],
                body: .bytes(Array(TokenGrant.form(items).utf8), type: "application/x-www-form-urlencoded"))
            request.redirects = .none
            return request
        }
        items += scopes.map { ("scope", $0) }
        var headers: HTTPHeaders = ["Accept": "application/json"]
        if case .password(let user, let secret) = credential {
            headers["Authorization"] = Credential.basic(user, secret)
            items.insert(("account", user), at: 0)
        }
        let place = realm.utf8.firstIndex(of: UInt8(ascii: "#")).map { String(realm[..<$0]) } ?? realm
        let mark = place.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return TransportRequest("GET", items.isEmpty ? place : place + mark + TokenGrant.form(items), headers: headers)
    }

    private static func form(_ items: [(String, String)]) -> String {
        items.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    }

    /// What the token is for, in words for people: "to pull and push team/hello"; nil for another kind of scope.
    var purpose: String? {
        for scope in scopes {
            let parts = scope.split(separator: ":")
            guard parts.count >= 3, parts[0] == "repository", let actions = parts.last else { continue }
            let verbs = actions.split(separator: ",").map { $0 == "*" ? "change" : String($0) }
            return "to \(verbs.joined(separator: " and ")) \(parts[1..<(parts.count - 1)].joined(separator: ":"))"
        }
        return nil
    }
}

/// A token and how long it is good.
struct Token: Equatable {
    let text: String
    /// Seconds since it was given; 60 where the service does not say.
    let seconds: Int

    /// Reads `{"token"|"access_token", "expires_in"?}`; nil for what is no token.
    init?(parsing body: [UInt8]) {
        let json = try? JSON(parsing: body)
        let texts = [json?["token"]?.string, json?["access_token"]?.string].compactMap { $0 }
        guard let text = texts.first(where: { !$0.isEmpty }), text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { return nil }
        self.text = text
        seconds = max(0, json?["expires_in"]?.int ?? 60)
    }
}

extension Credential {
    /// The value of `Authorization` for a name and password (RFC 7617).
    static func basic(_ user: String, _ secret: String) -> String { "Basic " + Base64.encode(Array("\(user):\(secret)".utf8)) }
}

/// What a request wants to do, as far as its URL tells: those of one kind need the same proof.
struct AccessKind: Hashable {
    enum Action { case read, write, delete }

    /// Scheme, host and port.
    let origin: String
    /// The repository, percent-encoded as in the path; nil for what is not about one.
    let repository: String?
    let action: Action

    init(_ method: String, _ url: WebURL) {
        origin = url.origin
        let path = url.target.prefix { $0 != "?" }
        let marks = ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        var name: String?
        if let start = AccessKind.first("/v2/", in: path) {
            // A repository's own name may hold such a word: the last one counts.
            let end = marks.compactMap { AccessKind.last($0, in: path[start...]) }.max()
            name = end.map { String(path[start..<$0]) }
        }
        repository = name
        switch method {
        case "DELETE": action = .delete
        case "GET", "HEAD": action = AccessKind.last("/blobs/uploads/", in: path) == nil ? .read : .write
        default: action = .write
        }
    }

    /// The index behind the first `mark`.
    private static func first(_ mark: String, in text: Substring) -> String.Index? {
        text.utf8.indices.first { text.utf8[$0...].starts(with: mark.utf8) }.map { text.utf8.index($0, offsetBy: mark.utf8.count) }
    }

    /// The index of the last `mark`.
    private static func last(_ mark: String, in text: Substring) -> String.Index? {
        text.utf8.indices.last { text.utf8[$0...].starts(with: mark.utf8) }
    }
}
