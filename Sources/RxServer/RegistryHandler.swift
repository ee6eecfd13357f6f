package import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// Finds the endpoint of a request.
package struct RegistryHandler: HTTPHandler {
    private let context: ServerContext
    private let exact: [String: any Endpoint]
    private let prefixes: [(prefix: String, endpoint: any Endpoint)]

    init(_ context: ServerContext) {
        self.context = context
        exact = [
            Route.healthz: HealthEndpoint(), Route.health: HealthEndpoint(), Route.wellKnown: WellKnownEndpoint(),
            Route.search: SearchEndpoint(),
            Route.publish: PublishEndpoint(), Route.blobs: BlobsEndpoint(), Route.blobsMissing: MissingEndpoint(),
            Route.blobsFetch: FetchEndpoint(), Route.chunksMissing: MissingChunksEndpoint(), Route.chunks: AssemblyEndpoint(),
        ]
        prefixes = [
            (Route.resourcePrefix, ResourceEndpoint()), (Route.contentPrefix, ContentEndpoint()),
            (Route.chunkIndexPrefix, ChunkIndexEndpoint()), (Route.rawPrefix, RawEndpoint()),
            (Route.providesPrefix, ProvidesEndpoint()),
        ]
    }

    package func react(to request: HTTPRequest, id: String) -> Reaction {
        // The same answer again takes one look at the store's version.
        if request.query == nil, request.method == "GET" || request.method == "HEAD",
            let cached = context.responses.answer(request.path, version: { try context.store.version() }),
            let response = cached.response(to: request)
        {
            return .answer(response)
        }
        let face = Face(path: request.path)
        guard let (endpoint, rest) = endpoint(request.path, face) else {
            return .answer(face.failure(RegistryError("There is nothing at this path", code: .notFound)))
        }
        guard endpoint.methods.contains(request.method) else {
            let allowed = endpoint.methods.joined(separator: ", ")
            return .answer(face.failure(RegistryError("This path takes \(allowed)", code: .methodNotAllowed), headers: ["Allow": allowed]))
        }
        guard request.queryItems != nil else {
            return .answer(face.failure(RegistryError("the query has a broken escape", code: .invalidQuery)))
        }
        let call = Call(request: request, rest: rest, id: id, face: face)
        do { return try endpoint.react(call, context) } catch { return .answer(context.failure(error, call)) }
    }

    private func endpoint(_ path: String, _ face: Face) -> (any Endpoint, rest: String)? {
        if case .distribution = face { return DistributionRouter.endpoint(path).map { ($0, "") } }
        for (prefix, endpoint) in prefixes where path.utf8.starts(with: prefix.utf8) {
            return (endpoint, String(path.utf8.dropFirst(prefix.utf8.count))!)
        }
        return exact[path].map { ($0, "") }
    }
}
