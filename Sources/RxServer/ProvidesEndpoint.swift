import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// `GET /api/v1/provides/LANGUAGE/MODULE`: which resources provide a module.
struct ProvidesEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        guard let text = PercentEncoding.decode(call.rest), let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else {
            throw RegistryError("The path goes on with LANGUAGE/MODULE", code: .invalidRequest)
        }
        let module: ModuleName
        do {
            module = try ModuleName(language: String(text[..<slash]), name: String(text[text.utf8.index(after: slash)...]))
        } catch { throw RegistryError(error.message, code: .invalidRequest) }
        return context.work(call) {
            let version = try context.store.version()
            let records = try context.store.providers(of: module, scope: .own, limit: Providers.limit)
            let answer = Providers(
                records.map(Providers.Provider.init), namesake: records.isEmpty ? try namesake(of: module, context.store) : .unknown)
            let body = answer.json.canonical
            let tag = EntityTag(sha256(body).description)
            let whole = HTTPResponse(200, headers: ["Content-Type": "application/json", "ETag": tag.description], body: .bytes(body))
            let cached = CachedAnswer(whole, tag: tag)
            // However many repositories provide the module, they are gone through once for all who ask before something changes.
            if call.request.query == nil { context.responses.keep(cached, for: call.request.path, version: version) }
            return cached.response(to: call.request) ?? whole
        }
    }

    private func namesake(of module: ModuleName, _ store: any Store) throws -> Providers.Namesake {
        guard let name = module.namesake,
            let record = try store.resolve(registry: "", repository: name.repository, selector: Selector(name)),
            record.mayProvide(module)
        else { return .none }
        return .some(Providers.Provider(record))
    }
}

extension Providers.Provider {
    /// What the wire says of a resource that provides a module.
    init(_ record: ResourceRecord) {
        self.init(locator: record.reference.locator, manifest: record.manifestDigest, tree: record.tree)
    }
}
