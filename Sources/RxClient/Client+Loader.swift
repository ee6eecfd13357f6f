public import RxHTTP
public import RxLoader
public import RxModel
import RxProtocol
import RxStore

/// What a loader finds in a home: its store, then the registries that it is configured for. Source: Specs/15-loader, LOD-031.
extension Client: LocalShelf, RemoteShelf {
    /// What is here under a locator: the home's own, for a bare locator also the copy from the first configured registry that one is
    /// here from.
    public func stored(_ locator: Locator) throws -> StoredResource? {
        if let here = try here(locator, host: host(of: locator)) { return here }
        guard locator.registry == nil else { return nil }
        for case .success(let registry) in registries {
            if let here = try here(locator.at(registry: registry.authority), host: registry.authority) { return here }
        }
        return nil
    }

    /// What is here of a locator's name from its registry; for a bare one the home's own, and that of the configured registries.
    public func contents(named locator: Locator) throws -> [Digest] {
        let configured = registries.compactMap { try? $0.get().authority }
        let hosts = try locator.registry == nil ? [""] + configured : [host(of: locator)]
        return try hosts.flatMap { try store.digests(registry: $0, repository: locator.repository, limit: UnknownTag.limit) }
    }

    /// Fetches what `find` finds.
    public func fetched(_ locator: Locator) throws -> StoredResource { try shelved(try find(locator), as: locator) }

    /// Fetches what `bind` binds.
    public func fetched(_ locator: Locator, partly: (_ type: String) -> Bool) throws -> StoredResource {
        try bind(locator, partly: partly)
    }

    /// What the registry of a locator's host says of its tag; for a bare one what is here, else the first registry that has it. One that still
    /// has what is here under the tag does not describe it again.
    public func digest(of locator: Locator) throws -> Digest {
        if locator.registry == nil, let record = try local(locator) { return record.manifestDigest }
        guard let host = locator.registry, case let registry = try registry(forHost: host),
            let known = try here(locator, host: registry.authority)?.digest, locator.tag != Locator.latest
        else { return try describe(locator, at: nil).record.manifestDigest }
        return try ask(registry) { client in
            try client.describe(locator, unless: known).info?.manifestDigest ?? known
        } distribution: { _ in
            try describe(locator, at: nil).record.manifestDigest
        }
    }

    /// A record with its files, under the tag that was asked for.
    func shelved(_ record: ResourceRecord, as asked: Locator) throws -> StoredResource {
        StoredResource(
            locator: record.reference.locator.tagged(asked.tag), digest: record.manifestDigest, manifest: try store.manifest(of: record),
            open: { [store] in try store.open($0) })
    }
}

/// Requests of a loader's remote resources. Nobody's credentials go with them.
extension Client: HTTPExchange {
    public func exchange(_ method: String, _ url: String, headers: HTTPHeaders, body: [UInt8]?, limit: Int) throws
        -> (status: Int, body: [UInt8])
    {
        var request = TransportRequest(method, url, headers: headers)
        if let body { request.body = .bytes(body, type: headers["Content-Type"] ?? "application/json") }
        request.headers["Content-Type"] = nil
        let (head, answer) = try bareTransport.collect(request, limit: limit)
        return (head.status, answer)
    }
}
