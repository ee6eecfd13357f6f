import RxHTTP
import RxModel
import RxPosix
import RxStore

/// The answer to a GET or HEAD that is a blob's bytes, in whole or in part.
struct BlobAnswer: Sendable {
    /// A blob of up to this many bytes is hashed where catalogs are read, when it was not before; a longer one on a thread for long work.
    private static let quickBytes = 8 << 20

    let blob: StagedBlob
    let tag: EntityTag
    /// What the bytes are to who asked, for messages.
    let what: String
    /// What to say when the blob has gone.
    let missing: RegistryError
    /// The headers of the whole, which may depend on its bytes.
    let headers: @Sendable (HTTPResponse.Body) -> HTTPHeaders

    /// Answers once the blob's bytes are known to be right: what a disk has changed is never sent as if it were whole. `version` is the
    /// store's from before the blob was looked for.
    func send(_ call: Call, _ context: ServerContext, version: Int, _ respond: @escaping @Sendable (HTTPResponse) -> Void) throws {
        let request = call.request
        // No byte of it is sent.
        if request.method == "HEAD" || tag.matches(ifNoneMatch: request.headers["If-None-Match"]) {
            return respond(answer(try context.store.content(of: blob).body(length: blob.size), to: request))
        }
        if let content = try context.store.trusted(blob, upTo: BlobAnswer.quickBytes) {
            return respond(keep(content, request, context, version: version))
        }
        if blob.size > BlobBody.waitBytes, request.headers["Range"] == nil {
            let headers = headers(try context.store.content(of: blob).body(length: blob.size))
            let stream = HTTPResponse.Body.stream(BlobBody(blob, context), length: blob.size)
            return respond(.ranged(stream, tag: tag, headers: headers, to: request, what: what))
        }
        let taken = context.workers.long.submit {
            do {
                guard let content = try context.store.trusted(blob, upTo: .max) else { throw missing }
                respond(keep(content, request, context, version: version))
            } catch { respond(context.failure(error, call)) }
        }
        if !taken { throw Workers.stopping }
    }

    private func answer(_ body: HTTPResponse.Body, to request: HTTPRequest) -> HTTPResponse {
        HTTPResponse.ranged(body, tag: tag, headers: headers(body), to: request, what: what)
    }

    /// The answer from bytes that are right, kept for the next request.
    private func keep(_ content: BlobContent, _ request: HTTPRequest, _ context: ServerContext, version: Int) -> HTTPResponse {
        let body = content.body(length: blob.size)
        if case .file(let file) = content,
            let kept = CachedAnswer(HTTPResponse(200, headers: headers(body), body: body), tag: tag, what: what, file: file)
        {
            context.responses.keep(kept, for: request.path, version: version)
        }
        return answer(body, to: request)
    }
}

extension BlobContent {
    /// The bytes, as a body.
    func body(length: Int) -> HTTPResponse.Body {
        switch self {
        case .file(let file): .file(file, offset: 0, length: length)
        case .bytes(let bytes): .bytes(bytes)
        }
    }
}
