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
        return context.work(call) {
            let leasing = call.request.method == "HEAD"
            guard let digest, let blob = try context.store.blob(digest, in: repository, leasing: leasing) else { throw unknown }
            return try BlobEndpoint.answer(blob, digest, call.request, context)
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

    /// The whole blob or the range that was asked for. Source: RFC 9110, sections 13 and 14.
    private static func answer(_ blob: StagedBlob, _ digest: ContentDigest, _ request: HTTPRequest, _ context: ServerContext) throws
        -> HTTPResponse
    {
        let tag = EntityTag(digest.description)
        let headers: HTTPHeaders = [
            "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest.description, "ETag": tag.description,
            "Accept-Ranges": "bytes",
        ]
        let content: HTTPResponse.Body =
            switch try context.store.content(of: blob) {
            case .file(let file): .file(file, offset: 0, length: blob.size)
            case .bytes(let bytes): .bytes(bytes)
            }
        return HTTPResponse.ranged(content, tag: tag, headers: headers, to: request, what: "blob")
    }

    private var unknown: RegistryError { RegistryError("There is no blob \(digest) in repository \(repository)", code: .blobUnknown) }
}
