package import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// Finds the endpoint of a request.
package struct RegistryHandler: HTTPHandler {
    private let context: ServerContext
    private let exact: [String: any Endpoint]
    private let prefixes: [(prefix: String, endpoint: any Endpoint)]

    init(_ context: ServerContext, spoolDirectory: String) {
        self.context = context
        exact = [
            Route.healthz: HealthEndpoint(), Route.health: HealthEndpoint(), Route.wellKnown: WellKnownEndpoint(),
            Route.search: SearchEndpoint(),
            Route.publish: PublishEndpoint(spoolDirectory: spoolDirectory),
        ]
        prefixes = [(Route.resourcePrefix, ResourceEndpoint()), (Route.contentPrefix, ContentEndpoint())]
    }

    package func react(to request: HTTPRequest, id: String) -> Reaction {
        guard let (endpoint, rest) = endpoint(request.path) else {
            return .answer(.failure(RegistryError("There is nothing at this path", code: .notFound)))
        }
        guard endpoint.methods.contains(request.method) else {
            let allowed = endpoint.methods.joined(separator: ", ")
            return .answer(.failure(RegistryError("This path takes \(allowed)", code: .methodNotAllowed), headers: ["Allow": allowed]))
        }
        guard request.queryItems != nil else {
            return .answer(.failure(RegistryError("the query has a broken escape", code: .invalidQuery)))
        }
        do { return try endpoint.react(Call(request: request, rest: rest, id: id), context) } catch {
            return .answer(context.failure(error, id: id))
        }
    }

    private func endpoint(_ path: String) -> (any Endpoint, rest: String)? {
        for (prefix, endpoint) in prefixes where path.utf8.starts(with: prefix.utf8) {
            return (endpoint, String(path.utf8.dropFirst(prefix.utf8.count))!)
        }
        return exact[path].map { ($0, "") }
    }
}
