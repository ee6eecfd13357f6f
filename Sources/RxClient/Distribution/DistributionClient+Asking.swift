import RxHTTP
import RxModel
import RxPosix
import RxProtocol

extension DistributionClient {
    /// What bounds the patience of a client and the answers it takes.
    struct Limits: Sendable {
        /// The longest manifest, in bytes.
        var manifest = 64 << 20
        /// The longest page of a list, in bytes.
        var page = 64 << 20
        /// The most names of all pages.
        var names = 1_000_000
        /// The length from which a blob is sent in chunks, and that of a chunk.
        var chunk = 64 << 20
        /// How often the same bytes are tried.
        var attempts = 4
        /// Seconds before the second attempt; twice that before the next one.
        var pause = 0.5
        /// The longest pause that a registry can ask for, in seconds.
        var longestPause = 30
    }

    func request(_ method: String, _ path: String, headers: HTTPHeaders = HTTPHeaders(), body: TransportRequest.Body = .none)
        -> TransportRequest
    {
        TransportRequest(method, registry.url(path), endpoint: registry.description, headers: headers, body: body)
    }

    func answer(_ request: TransportRequest, _ what: String) throws -> (head: ResponseHead, body: [UInt8]) {
        try transport.collect(request)
    }

    func unexpected(_ head: ResponseHead, _ body: [UInt8], _ what: String) -> RegistryError {
        RegistryError("\(registry) answered \(head.status)", code: .invalidAnswer)
    }
}

/// The names of repositories.
enum DistributionName {
    static func isPortable(_ name: String) -> Bool { true }
}
