import RxHTTP
public import RxModel

/// Proves to registries who asks: answers their challenges (Basic, Bearer) with the user's credentials, and keeps tokens in memory
/// until they expire. What does not know how, such as other hosts that a registry redirects to, sees no credentials.
///
/// A request whose body is a stream that has been read cannot be sent again after a challenge: it throws `RegistryError` `unauthorized`,
/// and who sends it again succeeds. Safe to use from several threads. Source: RFC 9110, section 11; RFC 7617; RFC 6750; "Token
/// Authentication Specification" of the distribution project.
public final class AuthenticatingTransport: HTTPTransport {
    /// How often one request is sent: with what is known, with what its challenge asks for, and once more for a challenge that then
    /// asks for something else.
    private static let attempts = 3

    private let transport: any HTTPTransport
    private let keys: KeyRing

    /// Sends over `transport` and takes credentials from `credentials`. `client` is the name that token services are told.
    public init(_ transport: any HTTPTransport, credentials: any CredentialSource, client: String = "rx") {
        self.transport = transport
        keys = KeyRing(transport, credentials, client: client)
    }

    /// Sends a request with what proves who asks, where the server wants that.
    ///
    /// Throws `RegistryError` `unauthorized` when there are no credentials or the server refuses them.
    @discardableResult
    public func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        guard request.identifies, request.headers["Authorization"] == nil, let url = try? WebURL(request.url) else {
            return try transport.perform(request, receive: receive)
        }
        let kind = AccessKind(request.method, url)
        let watch = BodyWatch()
        let request = watch.watching(request)
        var proof = try keys.known(kind, url)
        var attempt = 1
        while true {
            var asked = request
            asked.headers["Authorization"] = proof?.header
            var challenges: [Challenge] = []
            let head = try transport.perform(asked) { head in
                if head.status == 401, (try? WebURL(head.url))?.origin == url.origin {
                    challenges = Challenge.parse(head.headers.values(of: "WWW-Authenticate"))
                }
                return KeyRing.canAnswer(challenges) ? FailureSink() : try receive(head)
            }
            guard KeyRing.canAnswer(challenges) else { return head }
            let refused = proof
            proof = try keys.prove(kind, url, challenges, refused: refused, isLast: attempt == AuthenticatingTransport.attempts)
            guard !watch.isRead else {
                throw RegistryError(
                    "\(url.origin) asked who sends this while it was sent", code: .unauthorized, hint: "run the same command again",
                    cause: AuthenticationRenewed())
            }
            attempt += 1
        }
    }
}

/// Sees whether a request's body has been read, so that it cannot be sent again: a server that refuses before the body is asked for
/// leaves it as it was.
private final class BodyWatch {
    private(set) var isRead = false

    func watching(_ request: TransportRequest) -> TransportRequest {
        var request = request
        switch request.body {
        case .none, .bytes: break
        case .stream(let source, let length, let type): request.body = .stream(WatchedSource(source, self), length: length, type: type)
        case .form(let parts): request.body = .form(parts.map { $0.reading { WatchedSource($0, self) } })
        }
        return request
    }

    private final class WatchedSource: ByteSource {
        private let source: any ByteSource
        private let watch: BodyWatch

        init(_ source: any ByteSource, _ watch: BodyWatch) {
            self.source = source
            self.watch = watch
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            watch.isRead = true
            return try source.read(into: buffer)
        }
    }
}

extension FormPart {
    /// The part with what it streams read through another source.
    func reading(_ wrap: (any ByteSource) -> any ByteSource) -> FormPart {
        guard case .stream(let source, let length, let name, let type) = content else { return self }
        return .stream(field, wrap(source), length: length, name: name, type: type)
    }
}
