import RxHTTP
import RxModel
import RxProtocol

extension DistributionClient {
    /// What bounds the patience of a client and the answers it takes.
    struct Limits: Sendable {
        /// The longest manifest, in bytes.
        var manifest = 64 << 20
        /// The longest page of a list, in bytes.
        var page = 64 << 20
        /// The names that are asked for in one page.
        var pageCount = 1000
        /// The most names of all pages.
        var names = 1_000_000
        /// The longest blob that is sent in one piece, and the length of a chunk of longer ones.
        var chunk = 64 << 20
        /// The shortest chunk that a registry's refusal of longer ones leads to.
        var shortestChunk = 1 << 20
        /// How often a registry may refuse or lose the same bytes by its answers.
        var refusals = 4
        /// When something is tried again.
        var retry = RetryPolicy()
    }

    /// The longest body of an answer that is read for its error.
    static let failureLimit = 1 << 20

    func request(_ method: String, _ path: String, headers: HTTPHeaders = HTTPHeaders(), body: TransportRequest.Body = .none)
        -> TransportRequest
    {
        TransportRequest(method, registry.url(path), endpoint: registry.description, headers: headers, body: body)
    }

    /// Sends what may be sent twice; again when the connection is lost or the registry is busy. Throws `RegistryError` for 401 and 403
    /// and when the registry stays busy; every other status is an answer.
    func answer(_ request: TransportRequest, to what: String, limit: Int? = nil) throws -> (head: ResponseHead, body: [UInt8]) {
        var request = request
        request.isIdempotent = true
        do {
            let (head, body) = try transport.collect(request, limit: limit ?? DistributionClient.failureLimit, limits.retry)
            guard head.status != 401, head.status != 403, head.status < 500 else { throw refusal(head, body, to: what) }
            return (head, body)
        } catch let error as ContentError where error.code == .contentTooLarge {
            throw ContentError(
                "\(registry) sends more than \(limit ?? DistributionClient.failureLimit) bytes when asked to \(what)", code: error.code)
        }
    }

    /// The error for an answer that is none of those expected; `what` completes "refused to".
    func refusal(_ head: ResponseHead, _ body: [UInt8], to what: String) -> RegistryError {
        DistributionFailure(parsing: body).error(
            status: head.status, host: registry.description, authority: registry.authority, what: what)
    }

    /// An answer that breaks the protocol.
    func broken(_ what: String, _ reason: String) -> RegistryError {
        RegistryError("\(registry) answered wrongly when asked to \(what): \(reason)", code: .invalidAnswer)
    }
}
