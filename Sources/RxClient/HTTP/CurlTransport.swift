import CCurl
import RxHTTP
public import RxModel
import RxPosix
import Synchronization

/// HTTP by libcurl: HTTP/1.1, and HTTP/2 over TLS; connections are kept and used again; proxies as the environment says
/// (`https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`), never for this machine itself.
///
/// Redirects are followed for requests that can be sent again, as `TransportRequest.redirects` says; never from https to http.
/// `Authorization` and `Cookie` go to the origin they were given for and to no other.
///
/// Safe to use from several threads. A program that uses it ignores SIGPIPE (`Signals.ignoreBrokenPipes`).
public final class CurlTransport: HTTPTransport {
    /// What a transport is set to.
    public struct Settings: Sendable {
        /// The `User-Agent` that servers see.
        public var userAgent: String
        /// How long making a connection may take.
        public var connectSeconds = 10
        /// How long fewer bytes than one a second may move.
        public var stallSeconds = 60
        /// How long an answer may take to begin; a server may have to build what is asked for.
        public var firstByteSeconds = 300
        /// A PEM file with the certificates to trust instead of the system's; by default what `SSL_CERT_FILE` names.
        public var certificates: String? = Host.environment("SSL_CERT_FILE").flatMap { $0.isEmpty ? nil : $0 }

        /// The usual limits; `agent` is the `User-Agent`, such as `rx/1.0.0`.
        public init(agent: String) { userAgent = agent }
    }

    /// How many redirects one request follows.
    static let redirectLimit = 10
    /// How many handles without work are kept.
    private static let idleLimit = TransferGate.most

    private let settings: Settings
    private let idle = Mutex<[CurlHandle]>([])

    /// Sends with these settings.
    public init(_ settings: Settings) { self.settings = settings }

    /// Sends with the usual settings; `agent` is the `User-Agent`, such as `rx/1.0.0`.
    public convenience init(agent: String) { self.init(Settings(agent: agent)) }

    /// Loads libcurl and what it needs, which takes longer than to open a store: a program that is about to ask something does both at once.
    public static func prepare() { CurlHandle.prepare() }

    /// Sends a request; follows redirects. Throws `RegistryError` "Unable to connect to X" (code `unreachable`) when nobody answers
    /// there, and one of the same code when a connection breaks or stands still.
    @discardableResult
    public func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        var endpoint = request.endpoint
        do {
            var url = try WebURL(request.url)
            var request = request
            for _ in 0...CurlTransport.redirectLimit {
                endpoint = endpoint ?? url.origin
                let transfer = try withoutActuallyEscaping(receive) { try run(request, url, receive: $0) }
                guard let location = transfer.location, let head = transfer.head else { return transfer.head! }
                guard request.body.isRepeatable else {
                    throw RegistryError.redirectRefused(url.text, location, "what is sent as a stream cannot be sent again")
                }
                let target = try request.redirect(from: url, to: location, status: head.status)
                if target.origin != url.origin { endpoint = "\(target.origin), where \(url.origin) redirects to" }
                url = target
            }
            throw RegistryError.redirectRefused(request.url, url.text, "more than \(CurlTransport.redirectLimit) redirects")
        } catch let failure as HTTPFailure {
            throw failure.error(endpoint: endpoint ?? request.url)
        }
    }

    /// Sends one request and takes one answer; the answer is whole or this throws.
    private func run(
        _ request: TransportRequest, _ url: WebURL, receive: @escaping (ResponseHead) throws -> any ByteSink
    ) throws -> Transfer {
        let handle = try take(url.origin)
        let watch = StallWatch(
            stallSeconds: settings.stallSeconds, firstByteSeconds: settings.firstByteSeconds, seconds: request.seconds,
            hasBody: request.body.isPresent)
        let transfer = Transfer(url: url.text, follows: request.redirects != .none, watch: watch, receive: receive)
        defer { transfer.end() }
        let plan = try TransferPlan(request, url, transfer, settings, handle)
        let code = handle.perform()
        let failure = code == CURLE_OK ? nil : handle.failure(code)
        plan.end()
        // The handle must not be kept after an error in the plan above; here nothing of the request is left in it.
        try handle.reset()
        idle.withLock { if $0.count < CurlTransport.idleLimit { $0.append(handle) } }

        if let failure = transfer.failure { throw failure }
        if let failure, !transfer.isAnswered(despite: code) { throw failure }
        guard transfer.head != nil else { throw HTTPFailure(.interrupted, "it sent no HTTP answer") }
        try transfer.deliver()
        return transfer
    }

    /// The handle that was used last with the same origin, whose connection may still be open, else the one that was used last.
    private func take(_ origin: String) throws -> CurlHandle {
        let handle =
            try idle.withLock { idle in
                idle.lastIndex { $0.origins.contains(origin) }.map { idle.remove(at: $0) } ?? idle.popLast()
            } ?? CurlHandle()
        handle.origins.insert(origin)
        try handle.reset()
        return handle
    }
}

extension TransportRequest.Body {
    /// Whether anything is sent behind the head.
    var isPresent: Bool { if case .none = self { false } else { true } }

    /// Whether it can be sent a second time.
    var isRepeatable: Bool {
        switch self {
        case .none, .bytes: true
        case .stream, .form: false
        }
    }
}

extension TransportRequest {
    /// Turns the request into the one that a redirect asks for, and gives its URL (RFC 9110, section 15.4; RFC 6454).
    mutating func redirect(from: WebURL, to location: String, status: Int) throws -> WebURL {
        let target: WebURL
        do throws(HTTPFailure) { target = try from.following(location) } catch {
            throw RegistryError.redirectRefused(from.origin, location, error.detail)
        }
        let isSafe = target.scheme == "https" || from.scheme == "http" && (target.host == from.host || redirects == .content)
        guard isSafe else {
            let reason =
                from.scheme == "https" ? "a redirect from https to http is not followed" : "a redirect to another host must be https"
            throw RegistryError.redirectRefused(from.origin, target.origin, reason)
        }
        if status == 303 ? method != "HEAD" : status <= 302 && method == "POST" {
            method = "GET"
            body = .none
            headers["Content-Type"] = nil
        }
        if target.origin != from.origin { for name in ["Authorization", "Cookie", "Proxy-Authorization"] { headers[name] = nil } }
        return target
    }
}

extension Transfer {
    /// Whether the answer counts although the transfer ended with an error: the rest of a redirect's body was not read, or the
    /// server refused before it had read all that was sent, and closed.
    func isAnswered(despite code: CURLcode) -> Bool {
        if cutRedirect { return true }
        return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) && (head?.status ?? 0) >= 400
    }
}
