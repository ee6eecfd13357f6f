import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx list`
    static let list = Command(
        name: "list", aliases: ["ls"], summary: "List the resources in the local store", arguments: "", count: 0...0,
        details: "Resources that were pulled are shown under the registry they came from.",
        options: [.json, .limit, .offset],
        examples: [
            .init("rx list", "everything in the local store"), .init("rx list --json | jq -r '.results[].locator'", "only the locators"),
        ]
    ) { invocation in
        let page = try Home.client(invocation).store.search(try SearchQuery(invocation))
        try Output(invocation).print(Listing.json(page), Listing.text(page))
    }
}

/// How lists of stored resources are shown.
enum Listing {
    static func json(_ page: SearchPage) -> JSON {
        .members(["results": .array(page.records.map(\.summary)), "total": .integer(page.total)])
    }

    static func text(_ page: SearchPage) -> String {
        guard page.total > 0 else { return "No resources found" }
        var table = Table()
        for record in page.records {
            table.add(record.reference.description, record.definition.type, Output.bytes(record.size), record.definition.description ?? "")
        }
        return "Found \(page.total) resource(s):\n" + table.text
    }
}

extension SearchQuery {
    /// The page that the options ask for.
    init(_ invocation: Invocation, text: String = "", scope: Scope = .all) throws {
        self.init(
            text: text, scope: scope, limit: try invocation.number(.limit, in: 0...100_000, default: 100),
            offset: try invocation.number(.offset, in: 0...Int.max, default: 0))
    }
}
