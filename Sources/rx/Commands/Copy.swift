import RxClient
import RxModel

extension Command {
    private static let withReferrers = Option("--referrers", nil, "copy what refers to it too, such as signatures")

    /// `rx copy`
    static let copy = Command(
        name: "copy", aliases: ["cp"], summary: "Copy a resource or any artifact between registries", arguments: "FROM TO", count: 2...2,
        details: """
            A locator with a host means that registry, one without the local store. The manifest stays as it is, byte for byte, and an
            index brings all that it lists. Only what the target lacks moves, straight from one registry to the other; within one
            registry nothing does.
            """,
        options: [withReferrers, .json, .quiet],
        examples: [
            .init("rx copy a.example.com/team/hello:1 b.example.com/team/hello:1", "from one registry to another"),
            .init("rx copy hello:1 localhost:3000/other/name:1", "from the local store, under another name"),
            .init("rx copy localhost:3000/team/hello:1 hello:1", "into the local store, as its own"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let source = try Locator(parsing: invocation.positional[0])
        let target = try Locator(parsing: invocation.positional[1])
        let copying = try client.copy(source, to: target, referrers: invocation.has(withReferrers))
        try Output(invocation).print(
            .members([
                "source": .string(source.description), "locator": .string(copying.target.description),
                "registry": copying.target.registry.map { .string($0) }, "manifestDigest": .string(copying.digest.description),
                "manifests": .integer(copying.manifests), "transfer": copying.report.json,
            ]),
            "Copied: \(source) to \(copying.target)\n  Manifest: \(copying.digest)\n  \(copying.report.words("Sent", of: "blob"))")
    }
}
