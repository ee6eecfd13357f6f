import RxHTTP
import RxModel
import RxPosix
import RxStore

/// `GET`, `HEAD` and `DELETE /v2/NAME/blobs/DIGEST`.
struct BlobEndpoint: Endpoint {
    let methods = ["GET", "HEAD", "DELETE"]
    let repository: String
    let digest: String

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let digest = try DistributionName.digest(digest)
        if call.request.method == "DELETE" { return remove(digest, call, context) }
        return .work { respond in
            do {
                // Whoever is told that a blob exists may rely on it; who gets it need not.
                let leasing = call.request.method == "HEAD"
                let version = try context.store.version()
                guard let digest, let blob = try context.store.blob(digest, in: repository, leasing: leasing) else { throw unknown }
                try send(blob, digest, call, context, version: version, respond)
            } catch { respond(context.failure(error, call)) }
        }
    }

    /// A blob of up to this many bytes is hashed where catalogs are read, when it was not before; a longer one on a thread for long work.
    private static let quickBytes = 8 << 20
    /// Answers once the blob's bytes are known to be right: what a disk has changed is never sent as if it were whole.
    private func send(
        _ blob: StagedBlob, _ digest: ContentDigest, _ call: Call, _ context: ServerContext, version: Int,
        _ respond: @escaping @Sendable (HTTPResponse) -> Void
    ) throws {
        let request = call.request
        // No byte of it is sent.
        if request.method == "HEAD" {
            return respond(answer(try context.store.content(of: blob).body(length: blob.size), digest, request))
        }
        if let content = try context.store.trusted(blob, upTo: BlobEndpoint.quickBytes) {
            return respond(keep(content, blob, digest, request, context, version: version))
        }
        if blob.size > BlobBody.waitBytes, request.headers["Range"] == nil {
            return respond(answer(.stream(BlobBody(blob, context), length: blob.size), digest, request))
        }
        let taken = context.workers.long.submit {
            do {
                guard let content = try context.store.trusted(blob, upTo: .max) else { throw unknown }
                respond(keep(content, blob, digest, request, context, version: version))
            } catch { respond(context.failure(error, call)) }
        }
        if !taken { throw Workers.stopping }
    }

    private func remove(_ digest: ContentDigest?, _ call: Call, _ context: ServerContext) -> Reaction {
        context.work(call) {
            do {
                guard let digest, try context.store.removeBlob(digest, from: repository) else { throw unknown }
            } catch let error as RegistryError where error.code == .unsupported {
                return call.face.failure(error, headers: ["Allow": "GET, HEAD"])
            }
            return HTTPResponse(202)
        }
    }

    private func headers(_ digest: ContentDigest) -> HTTPHeaders {
        [
            "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest.description,
            "ETag": EntityTag(digest.description).description, "Accept-Ranges": "bytes",
        ]
    }

    /// The whole blob or the range that was asked for.
    private func answer(_ body: HTTPResponse.Body, _ digest: ContentDigest, _ request: HTTPRequest) -> HTTPResponse {
        HTTPResponse.ranged(body, tag: EntityTag(digest.description), headers: headers(digest), to: request, what: "blob")
    }

    /// The same from bytes that are right, kept for the next request.
    private func keep(
        _ content: BlobContent, _ blob: StagedBlob, _ digest: ContentDigest, _ request: HTTPRequest, _ context: ServerContext, version: Int
    ) -> HTTPResponse {
        let body = content.body(length: blob.size)
        if case .file(let file) = content {
            let whole = HTTPResponse(200, headers: headers(digest), body: body)
            let tag = EntityTag(digest.description)
            if let kept = CachedAnswer(whole, tag: tag, file: file) { context.responses.keep(kept, for: request.path, version: version) }
        }
        return answer(body, digest, request)
    }

    private var unknown: RegistryError { RegistryError("There is no blob \(digest) in repository \(repository)", code: .blobUnknown) }
}

/// A long blob, hashed while it is sent. Its last bytes are held back until all of them are known to be right: a damaged blob breaks off.
final class BlobBody: BodyProducer {
    /// A blob of more bytes is hashed while it is sent for the first time: nobody waits that long for the first byte.
    static let waitBytes = 1 << 30

    private let blob: StagedBlob
    private let context: ServerContext

    init(_ blob: StagedBlob, _ context: ServerContext) {
        self.blob = blob
        self.context = context
    }

    func produce(into sink: any ByteSink) throws {
        let source = try context.store.verified(blob)
        try withUnsafeTemporaryAllocation(byteCount: 2 * streamBufferSize, alignment: 16) { memory in
            var now = UnsafeMutableRawBufferPointer(rebasing: memory[..<streamBufferSize])
            var next = UnsafeMutableRawBufferPointer(rebasing: memory[streamBufferSize...])
            var count = try source.read(into: now)
            while count > 0 {
                // Throws in place of the end.
                let more = try source.read(into: next)
                try sink.write(UnsafeRawBufferPointer(rebasing: now[..<count]))
                swap(&now, &next)
                count = more
            }
        }
    }
}
