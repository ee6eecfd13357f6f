import CCurl
import RxModel

/// Why a request got no whole answer.
public struct HTTPFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure.
    public enum Reason: Sendable, Equatable {
        /// Nobody listens there, or the way there is shut.
        case refused
        /// The host, or the proxy, has no address.
        case unresolved
        /// The connection was not made in time.
        case connectTimeout
        /// No answer, or no more bytes, for too long.
        case stalled
        /// No secure connection: certificate, protocol.
        case tls
        /// The connection ended before the answer did, or what came is no HTTP.
        case interrupted
        /// The URL cannot be used.
        case invalidURL
    }

    /// What kind of failure.
    public let reason: Reason
    /// The library's own words.
    public let detail: String

    /// Describes a failure.
    public init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    /// Reads what libcurl answered (libcurl-errors(3)).
    init(_ code: CURLcode, detail: String) {
        let reason: Reason =
            switch code {
            case CURLE_COULDNT_CONNECT: .refused
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unresolved
            case CURLE_OPERATION_TIMEDOUT: .connectTimeout
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_INVALIDCERTSTATUS,
                CURLE_SSL_PINNEDPUBKEYNOTMATCH:
                .tls
            case CURLE_URL_MALFORMAT: .invalidURL
            default: .interrupted
            }
        self.init(reason, detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail)
    }

    /// The library's own words.
    public var description: String { detail }

    /// The failure as the error that callers see. `endpoint` is the registry's URL, or the scheme and host that were asked.
    func error(endpoint: String) -> RegistryError {
        switch reason {
        case .refused, .unresolved, .connectTimeout:
            make("Unable to connect to \(endpoint)", hint: detail)
        case .stalled:
            make("\(endpoint) stopped answering: \(detail)", hint: "run the same command again; what was received whole is kept")
        case .tls:
            make("No secure connection to \(endpoint): \(detail)", hint: tlsHint)
        case .interrupted:
            make("The connection to \(endpoint) was lost: \(detail)", hint: "run the same command again; what was received whole is kept")
        case .invalidURL:
            make(
                "Not a URL that can be asked: \(endpoint)", code: .invalidRequest,
                hint: "\(detail); write it like https://registry.example.com")
        }
    }

    private func make(_ message: String, code: ErrorCode = .unreachable, hint: String) -> RegistryError {
        RegistryError(message, code: code, hint: hint, cause: self)
    }

    private var tlsHint: String {
        if detail.contains("wrong version number") || detail.contains("unknown protocol") {
            return "it seems to speak plain HTTP: if that is meant, write its URL with http://"
        }
        return "to trust a private certificate authority, set SSL_CERT_FILE to a file with its certificate"
    }
}

extension RegistryError {
    /// A redirect that is not followed.
    static func redirectRefused(_ from: String, _ to: String, _ reason: String) -> RegistryError {
        RegistryError(
            "\(from) redirects to \(to): \(reason)", code: ErrorCode(wire: "REDIRECT_REFUSED", status: 502),
            hint: "if that is the registry's right address, configure it")
    }
}
