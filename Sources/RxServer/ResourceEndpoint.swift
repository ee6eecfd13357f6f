import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// `GET`, `HEAD` and `DELETE /api/v1/resource/:locator`.
struct ResourceEndpoint: Endpoint {
    let methods = ["GET", "HEAD", "DELETE"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        if call.request.method == "DELETE" { return try remove(call, context) }
        guard call.request.query == nil else { return try read(call, context, files: try call.flag("files")) }
        // The same answer again takes one look at the store's version.
        if let entry = context.responses.entry(call.rest, version: try context.store.version()) { return .answer(answer(entry, call)) }
        return try read(call, context, files: false)
    }

    private func read(_ call: Call, _ context: ServerContext, files: Bool) throws -> Reaction {
        let locator = try call.locator()
        return context.work(call) {
            let version = try context.store.version()
            let record = try context.resolve(locator)
            let info = ResourceInfo(record)
            let body = files ? info.canonical(with: try context.store.manifest(of: record).files) : info.json.canonical
            let entry = ResponseCache.Entry(body: body, etag: EntityTag(record.manifestDigest.description).description)
            if !files { context.responses.keep(entry, for: call.rest, version: version) }
            return answer(entry, call)
        }
    }

    private func answer(_ entry: ResponseCache.Entry, _ call: Call) -> HTTPResponse {
        if let asked = call.request.headers["If-None-Match"],
            EntityTag(String(entry.etag.dropFirst().dropLast())).matches(ifNoneMatch: asked)
        {
            // A 304 tells the length of the 200 but never sends it.
            return HTTPResponse(304, headers: ["ETag": entry.etag], body: .bytes(entry.body))
        }
        return HTTPResponse(200, headers: ["Content-Type": "application/json", "ETag": entry.etag], body: .bytes(entry.body))
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
