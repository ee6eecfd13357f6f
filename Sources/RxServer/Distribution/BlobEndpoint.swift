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
                try answer(blob, digest).send(call, context, version: version, respond)
            } catch { respond(context.failure(error, call)) }
        }
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

    private func answer(_ blob: StagedBlob, _ digest: ContentDigest) -> BlobAnswer {
        let tag = EntityTag(digest.description)
        return BlobAnswer(blob: blob, tag: tag, what: "blob", missing: unknown) { _ in
            [
                "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest.description, "ETag": tag.description,
                "Accept-Ranges": "bytes",
            ]
        }
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
