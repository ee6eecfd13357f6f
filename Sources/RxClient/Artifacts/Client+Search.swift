public import RxHTTP
import RxModel
import RxPosix
public import RxProtocol
import RxStore
import Synchronization

extension Client {
    /// A page of what a registry finds. One that has `/v2/` alone does not search: its catalog is read, the words are looked for in the
    /// names of its repositories, and what is on the page is asked for.
    public func search(_ text: String, at registry: RegistryURL, limit: Int, offset: Int) throws -> SearchResults {
        try ask(registry) {
            try $0.search(text, limit: limit, offset: offset)
        } distribution: { client in
            try CatalogSearch(client: client).find(text, limit: limit, offset: offset)
        }
    }
}

/// Finds artifacts of a registry that only lists its repositories.
struct CatalogSearch: Sendable {
    /// How many repositories are read from a catalog.
    static let repositoryLimit = 10_000
    /// How many repositories whose names match are asked for their tags.
    static let matchLimit = 1000
    /// How many questions are asked at once.
    static let connections = 8

    let client: DistributionClient

    /// The tags of the repositories in whose names every word begins some word, by repository, the last tag first.
    func find(_ text: String, limit: Int, offset: Int) throws -> SearchResults {
        let words = SearchWords(text)
        guard words.canMatch else { return SearchResults(results: [], total: 0) }
        let names = try client.repositories(limit: CatalogSearch.repositoryLimit).filter { name in
            DistributionClient.isPortable(name) && words.matches([name])
        }
        let matching = Array(names.prefix(CatalogSearch.matchLimit))
        let answers = try concurrently(matching) { name in try CatalogSearch.answer { try client.tags(of: name) } }
        let tags = answers.map { (try? $0.get()) ?? [] }
        // Where nothing is allowed, that is what there is to say.
        if let refusal = answers.first, answers.allSatisfy(\.isRefused) { _ = try refusal.get() }
        let all = zip(matching, tags).flatMap { name, tags in tags.reversed().compactMap { tag in locator(name, tag) } }
        let page = Array(all.dropFirst(offset).prefix(limit))
        let results = try concurrently(page, describe).compactMap { $0 }
        return SearchResults(results: results, total: all.count)
    }

    /// What `ask` gives, or why the registry refuses or breaks it: one repository that this user may not see, or one damaged manifest,
    /// hides nothing of the others. A registry that does not answer at all is an error.
    private static func answer<Value>(_ ask: () throws -> Value) throws -> Result<Value, any Error> {
        do { return .success(try ask()) } catch let error as any ResourceError where error.code != .unreachable && !error.isPassing {
            return .failure(error)
        }
    }

    private func locator(_ repository: String, _ tag: String) -> Locator? {
        // The list that stands in for referrers is no artifact of its own.
        guard !tag.hasPrefix("sha256-"), !tag.hasPrefix("sha512-") else { return nil }
        return try? Locator(parsing: "x.invalid/\(repository):\(tag)").at(registry: nil)
    }

    private func describe(_ locator: Locator) throws -> SearchResults.Result? {
        guard let stored = try? CatalogSearch.answer({ try client.manifest(locator.repository, .tag(locator.tag)) }).get(),
            let read = try? ReadManifest(stored, of: "\(locator)"), let kind = try? ArtifactKind(read)
        else { return nil }
        let definition: Definition
        let tree: Digest
        switch kind {
        case .resource(let manifest): (definition, tree) = (manifest.definition, manifest.tree)
        case .packed(let packed): (definition, tree) = (packed.definition, packed.tree)
        case .foreign: (definition, tree) = (.foreign(read.manifest, repository: locator.repository), stored.digest)
        }
        return SearchResults.Result(
            locator: locator, type: definition.type, digest: tree, description: definition.description, updatedAt: 0)
    }

    private func concurrently<Element: Sendable, Value: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element) throws -> Value
    ) throws -> [Value] {
        let values = Mutex<[Int: Value]>([:])
        try WorkerPool.forEach(0..<elements.count, threads: CatalogSearch.connections) { index in
            let value = try body(elements[index])
            values.withLock { $0[index] = value }
        }
        let found = values.withLock { $0 }
        return elements.indices.compactMap { found[$0] }
    }
}

extension Result {
    /// Whether there is no answer, other than that there is nothing.
    fileprivate var isRefused: Bool {
        guard case .failure(let error) = self else { return false }
        return (error as? any ResourceError)?.code.status != 404
    }
}
