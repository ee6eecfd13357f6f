import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// `GET`, `HEAD` and `DELETE /api/v1/resource/:locator`.
struct ResourceEndpoint: Endpoint {
    let methods = ["GET", "HEAD", "DELETE"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        if call.request.method == "DELETE" { return try remove(call, context) }
        let files = try call.flag("files")
        let wantsManifest = try call.flag("manifest") && files
        let locator = try call.locator()
        return context.work(call) {
            let version = try context.store.version()
            let record = try context.resolve(locator)
            let tag = EntityTag(record.manifestDigest.description)
            let info = ResourceInfo(record)
            if wantsManifest, record.isResource, let manifest = try line(of: record, context) {
                let headers: HTTPHeaders = ["Content-Type": ResourceDescription.mediaType, "ETag": tag.description]
                let whole = HTTPResponse(200, headers: headers, body: .bytes(ResourceDescription.encode(info, manifest: manifest)))
                return CachedAnswer(whole, tag: tag).response(to: call.request) ?? whole
            }
            let body = files ? info.canonical(with: try context.store.manifest(of: record).files) : info.json.canonical
            let headers: HTTPHeaders = ["Content-Type": "application/json", "ETag": tag.description]
            let whole = HTTPResponse(200, headers: headers, body: .bytes(body))
            let answer = CachedAnswer(whole, tag: tag)
            // A long one is encoded for whom it is sent to.
            if call.request.query == nil, body.count <= TransferWire.encodedBytes {
                context.responses.keep(answer, for: call.request.path, version: version)
            }
            return answer.response(to: call.request) ?? whole
        }
    }

    /// The manifest's bytes, when they are one line. A resource's own form of it always is.
    private func line(of record: ResourceRecord, _ context: ServerContext) throws -> [UInt8]? {
        let stored = try context.store.artifact(
            registry: record.reference.registry, repository: record.reference.repository, name: .digest(.sha256(record.manifestDigest)))
        guard let bytes = stored?.bytes, !bytes.contains(UInt8(ascii: "\n")) else { return nil }
        return bytes
    }

    private func remove(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let locator = try call.locator()
        return context.work(call) {
            let removed = try context.store.remove(registry: "", repository: locator.repository, selector: Selector(locator))
            guard !removed.isEmpty else { throw RegistryError.resourceNotFound }
            return HTTPResponse(204)
        }
    }
}

extension ResourceInfo {
    /// What the wire says of a stored resource.
    init(_ record: ResourceRecord) {
        self.init(
            locator: record.reference.locator, digest: record.tree, manifestDigest: record.manifestDigest, mediaType: record.mediaType,
            artifactType: record.artifactType, size: record.size, fileCount: record.fileCount, createdAt: record.createdAt,
            updatedAt: record.updatedAt, definition: record.definition)
    }
}
