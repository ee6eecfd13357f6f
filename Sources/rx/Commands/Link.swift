import RxClient
import RxModel

extension Command {
    /// `rx link`
    static let link = Command(
        name: "link", summary: "Let a working folder stand in for a resource", arguments: "FOLDER", count: 1...1,
        details: "rx ingest NAME:TAG then reads the folder as it is now, without adding it.",
        options: [.json], examples: [.init("rx link ./code-review", "try a skill while you write it")]
    ) { invocation in
        var client = try Home.client(invocation)
        let linked = try client.link(invocation.positional[0])
        try Output(invocation).print(
            .members(["locator": .string(linked.locator.description), "folder": .string(linked.folder)]),
            "Linked: \(linked.locator) -> \(linked.folder)")
    }

    /// `rx unlink`
    static let unlink = Command(
        name: "unlink", summary: "End a link", arguments: "LOCATOR", count: 1...1, options: [.json],
        examples: [.init("rx unlink code-review", "use the stored resource again")]
    ) { invocation in
        var client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        try client.unlink(locator)
        try Output(invocation).print(.members(["locator": .string(locator.description)]), "Unlinked: \(locator)")
    }
}
