import RxClient
import RxModel
import RxPosix
import RxProtocol
import RxStore

extension Command {
    private static let local = Option("--local", nil, "search the local store, not a registry")
    private static let provides = Option(
        "--provides", "LANGUAGE:MODULE", "find the resources that provide a module, such as python:acme_tools")

    /// `rx search`
    static let search = Command(
        name: "search", summary: "Search a registry, or the local store", arguments: "[WORDS...]", count: 0...64,
        details: """
            Finds the resources in which every word begins some word of the name, path, description, keywords, type or of a module that
            they provide. Asks the default registry; where none is configured, the local store. A registry that only lists its
            repositories, as one for container images does, is searched by their names.
            """,
        options: [.json, .registry, local, provides, .limit, .offset],
        examples: [
            .init("rx search code review", "in the default registry"), .init("rx search --local", "everything in the local store"),
            .init("rx search --provides node:@acme/tools", "what a program would import by that name"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        if let module = invocation.value(provides) { return try findProviders(module, client, invocation) }
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

    /// Shows who provides a module, at the registry that `search` would ask.
    private static func findProviders(_ text: String, _ client: Client, _ invocation: Invocation) throws {
        guard invocation.positional.isEmpty else { throw UsageError(message: "--provides goes without words to search for") }
        let module: ModuleName
        do { module = try ModuleName(parsing: text) } catch { throw UsageError(message: "--provides: \(error.message)") }
        let isRemote = try !invocation.has(local) && (invocation.value(.registry) != nil || client.defaultRegistry != nil)
        if !isRemote, !invocation.has(local) { Host.writeError("No registry configured: searching the local store\n") }
        let all =
            try isRemote
            ? client.providers(of: module, at: client.registry(invocation.value(.registry))) : client.localProviders(of: module)
        let query = try SearchQuery(invocation)
        let page = all.dropFirst(query.offset).prefix(query.limit)
        var table = Table()
        for each in page { table.add(each.locator.description, each.manifest.description, each.isDeclared ? "" : "by its name") }
        let json = JSON.members([
            "module": .string(module.description), "total": .integer(all.count),
            "providers": .array(
                page.map { each in
                    .members([
                        "locator": .string(each.locator.description), "digest": .string(each.manifest.description),
                        "tree": .string(each.tree.description), "declared": .bool(each.isDeclared),
                    ])
                }),
        ])
        try Output(invocation).print(
            json, all.isEmpty ? "No resource provides \(module)" : "Found \(all.count) resource(s) that provide \(module):\n" + table.text)
    }
}
