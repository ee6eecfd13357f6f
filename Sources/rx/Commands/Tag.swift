import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx tag`
    static let tag = Command(
        name: "tag", summary: "Give a resource one more tag", arguments: "LOCATOR TAG|LOCATOR", count: 2...2,
        details: """
            The second word is a tag, or a locator of the same repository. Without a host the local store gets the tag; with one the
            registry does, and nothing is fetched or sent but the manifest. A tag that is there moves.
            """,
        options: [.json],
        examples: [
            .init("rx tag hello:1.0.0 stable", "in the local store"),
            .init("rx tag localhost:3000/team/hello:1.0.0 stable", "on that registry"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let tagging = try client.tag(try Locator(parsing: invocation.positional[0]), as: invocation.positional[1])
        let locator = tagging.reference.locator
        try Output(invocation).print(
            .members([
                "locator": .string(locator.description), "registry": locator.registry.map { .string($0) }, "tag": .string(locator.tag),
                "manifestDigest": .string(tagging.digest.description),
            ]), "Tagged: \(locator)\n  Manifest: \(tagging.digest)")
    }
}
