import RxArchive
import RxHTTP
import RxModel
import RxProtocol

/// Speaks the calls of a negotiated transfer to one registry. Source: Specs/12-transfer.
struct TransferCalls: Sendable {
    let registry: RegistryURL
    let transport: any HTTPTransport

    /// The media type of a stream of blobs.
    private static let streamType = "application/x-tar"
    /// The longest answer that is read, in bytes.
    private static let answerLimit = 64 << 20

    /// How patiently a transfer with the registry is tried again.
    var patience: Patience { RetryingTransport.around(transport).patience(RetryPolicy(), registry.description) }

    /// What a registry says to a commit.
    enum Commit {
        /// The manifest is visible.
        case done(PublishReceipt)
        /// It names what the registry lacks; nothing is visible.
        case pending(PendingAnswer)
        /// The registry does not have the manifest, and it was not in the stream.
        case manifestUnknown
    }

    /// Sends blobs and asks that the manifest, which is one of them or there already, be visible under the locator.
    func commit(_ manifest: Digest, as locator: Locator, _ body: TransportRequest.Body) throws -> Commit {
        let (head, answer) = try send(Route.blobs(commit: manifest, as: locator.at(registry: nil)), body)
        switch head.status {
        case 200, 201:
            let receipt = try PublishReceipt(parsing: answer)
            guard receipt.manifestDigest == manifest else {
                throw RegistryError(
                    "\(registry) stored \(locator) with manifest \(receipt.manifestDigest), not \(manifest)", code: .digestInvalid,
                    hint: "run the same command again")
            }
            return .done(receipt)
        case 202: return .pending(try PendingAnswer(parsing: answer))
        default:
            let failure = refusal(head, answer)
            if failure.code.wire == ErrorCode.manifestUnknown.wire { return .manifestUnknown }
            throw failure
        }
    }

    /// Gives a repository blobs.
    func store(_ body: TransportRequest.Body, in repository: String) throws {
        let (head, answer) = try send(Route.blobs(repository: repository), body)
        guard head.status == 200 else { throw refusal(head, answer) }
        _ = try StoredAnswer(parsing: answer)
    }

    /// Those of `blobs` that the registry does not have; the others are shown in the repository from now on.
    func missing(_ blobs: [MissingQuery.Blob], in repository: String) throws -> Set<Digest> {
        var missing: Set<Digest> = []
        for start in stride(from: 0, to: blobs.count, by: TransferWire.mostBlobs) {
            let part = Array(blobs[start..<min(start + TransferWire.mostBlobs, blobs.count)])
            var request = request("POST", Route.blobsMissing)
            request.isIdempotent = true
            try request.setJSON(MissingQuery(repository: repository, blobs: part).canonical)
            let (head, body) = try collect(request)
            guard head.status == 200 else { throw refusal(head, body) }
            missing.formUnion(try MissingAnswer(parsing: body).missing)
        }
        return missing
    }

    /// Writes the stream of the blobs that are asked for, as it comes, to `sink`; `plain` when it is not to be compressed.
    func fetch(_ query: FetchQuery, plain: Bool = false, into sink: any ByteSink) throws {
        var request = request("POST", Route.blobsFetch)
        if plain { request.headers["Accept-Encoding"] = ContentCoding.plain }
        try request.setJSON(query.canonical)
        let problem = BytesSink(limit: TransferCalls.answerLimit)
        let head = try transport.perform(request) { $0.status == 200 && $0.hasTransfers ? sink : problem }
        guard head.status == 200, head.hasTransfers else { throw refusal(head, problem.bytes) }
    }

    private func send(_ path: String, _ body: TransportRequest.Body) throws -> (head: ResponseHead, body: [UInt8]) {
        var request = request("POST", path)
        request.body = body
        if case .none = body { request.body = .bytes([], type: TransferCalls.streamType) }
        return try collect(request)
    }

    /// A stream as a request sends it.
    static func stream(_ source: any ByteSource) -> TransportRequest.Body { .stream(source, length: nil, type: streamType) }

    /// A stream that is in memory.
    static func stream(_ bytes: [UInt8]) -> TransportRequest.Body { .bytes(bytes, type: streamType) }

    private func request(_ method: String, _ path: String) -> TransportRequest {
        TransportRequest(
            method, registry.url(path), endpoint: registry.description,
            headers: ["Accept": "application/json", "Accept-Encoding": ContentCoding.accepted])
    }

    private func collect(_ request: TransportRequest) throws -> (head: ResponseHead, body: [UInt8]) {
        let (head, body) = try transport.collect(request, limit: TransferCalls.answerLimit)
        guard head.hasTransfers, !RetryPolicy.passingStatuses.contains(head.status) else { throw refusal(head, body) }
        return (head, try ContentCoding.decoded(body, head, limit: TransferCalls.answerLimit))
    }

    /// What an answer means that is none of those expected: the registry is busy, does not have these calls, or refuses.
    private func refusal(_ head: ResponseHead, _ body: [UInt8]) -> RegistryError {
        let text = (try? ContentCoding.decoded(body, head, limit: TransferCalls.answerLimit)) ?? body
        let answer = ErrorBody(parsing: text)
        if RetryPolicy.passingStatuses.contains(head.status) {
            let failure = answer?.failure(status: head.status)
            return RegistryError(
                failure?.message ?? "\(registry) answered \(head.status)", code: failure?.code ?? .overloaded,
                hint: failure?.hint ?? "try again later", cause: BusyRegistry(head: head))
        }
        guard head.hasTransfers else {
            let isRx = answer.map { $0.code != ErrorCode.invalidAnswer.wire } ?? false
            return RegistryError(
                "\(registry) answered \(head.status)", code: .invalidAnswer, hint: "check that the address is a registry's",
                cause: WithoutTransfers(isRegistry: isRx))
        }
        return answer?.failure(status: head.status)
            ?? RegistryError("\(registry) answered \(head.status)", code: .invalidAnswer, hint: "run the same command again")
    }
}

/// Why a call of a negotiated transfer was not answered: the registry does not have it.
struct WithoutTransfers: Error {
    /// Whether the answer is one of a registry all the same, of an older version or another maker.
    let isRegistry: Bool
}

/// Why a call was not answered: the registry, or a proxy before it, has no time for it now.
struct BusyRegistry: Error {
    let head: ResponseHead
}

extension RegistryError {
    /// Whether a call failed by how it was made, or for the moment: what it was for may succeed in another way.
    var isAboutTheWay: Bool { cause is WithoutTransfers || cause is BusyRegistry || cause is HTTPFailure }
}

extension ResponseHead {
    /// Whether whoever answered has the calls of a negotiated transfer.
    var hasTransfers: Bool { headers[TransferWire.header] == TransferWire.version }
}

extension TransportRequest {
    /// Sends JSON, compressed where it is long.
    fileprivate mutating func setJSON(_ bytes: [UInt8]) throws {
        guard bytes.count > TransferWire.encodedBytes else {
            body = .bytes(bytes, type: "application/json")
            return
        }
        body = .bytes(try zstdCompressed(bytes), type: "application/json")
        headers["Content-Encoding"] = "zstd"
    }
}

/// How answers are compressed on the way.
enum ContentCoding {
    /// What can be read, as `Accept-Encoding` says it.
    static let accepted = "zstd, gzip;q=0.5"
    /// That it is to come as it is.
    static let plain = "identity"

    /// An answer's body as it was before it was compressed, when that has at most `limit` bytes.
    static func decoded(_ body: [UInt8], _ head: ResponseHead, limit: Int) throws -> [UInt8] {
        guard let coding = head.headers["Content-Encoding"], coding.lowercased() != "identity" else { return body }
        return try DecodingSource(BytesSource(body)).readAll(limit: limit)
    }
}
