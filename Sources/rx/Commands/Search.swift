import RxClient
import RxModel
import RxPosix
import RxProtocol
import RxStore

extension Command {
    private static let local = Option("--local", nil, "search the local store, not a registry")

    /// `rx search`
    static let search = Command(
        name: "search", summary: "Search a registry, or the local store", arguments: "[WORDS...]", count: 0...64,
        details: """
            Finds the resources in which every word begins some word of the name, path, description, keywords or type. Asks the
            default registry; where none is configured, the local store. A registry that only lists its repositories, as one for
            container images does, is searched by their names.
            """,
        options: [.json, .registry, local, .limit, .offset],
        examples: [.init("rx search code review", "in the default registry"), .init("rx search --local", "everything in the local store")]
    ) { invocation in
        let client = try Home.client(invocation)
        let words = invocation.positional.joined(separator: " ")
        let query = try SearchQuery(invocation, text: words)
        let output = Output(invocation)
        if invocation.has(local) {
            let page = try client.store.search(query)
            return try output.print(Listing.json(page), Listing.text(page))
        }
        guard try invocation.value(.registry) != nil || client.defaultRegistry != nil else {
            Host.writeError("No registry configured: searching the local store\n")
            let page = try client.store.search(query)
            return try output.print(Listing.json(page), Listing.text(page))
        }
        let registry = try client.registry(invocation.value(.registry))
        let found = try client.search(words, at: registry, limit: query.limit, offset: query.offset)
        var table = Table()
        for result in found.results { table.add(result.locator.description, result.type, result.description ?? "") }
        try output.print(found.json, found.total == 0 ? "No resources found" : "Found \(found.total) resource(s):\n" + table.text)
    }
}
