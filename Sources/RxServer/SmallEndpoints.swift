import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// `GET /healthz` and `GET /api/v1/health`.
struct HealthEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) -> Reaction { .answer(.json(200, .members(["status": "ok"]))) }
}

/// `GET /.well-known/resourcex`.
struct WellKnownEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        guard let url = RegistryHost.api(publicURL: context.configuration.publicURL, request: call.request) else {
            throw RegistryError("the Host is not a host name", code: .invalidRequest)
        }
        return .answer(.json(200, WellKnown(registries: [url]).json))
    }
}

/// `GET /api/v1/search?q&limit&offset`.
struct SearchEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let query = SearchQuery(
            text: try call.query("q") ?? "", scope: .own, limit: try call.number("limit", default: 100, in: 0...1000),
            offset: try call.number("offset", default: 0, in: 0...Int.max))
        return context.work(call) {
            let page = try context.store.search(query)
            return .json(200, SearchResults(results: page.records.map(SearchResults.Result.init), total: page.total).json)
        }
    }
}

extension SearchResults.Result {
    /// What the wire says of a stored resource in a list.
    init(_ record: ResourceRecord) {
        self.init(
            locator: record.reference.locator, type: record.definition.type, digest: record.tree,
            description: record.definition.description,
            updatedAt: record.updatedAt)
    }
}
