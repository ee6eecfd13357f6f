import RxClient
import RxModel

extension Command {
    private static let type = Option("--type", "TYPE", "show those of this artifact type alone")

    /// `rx referrers`
    static let referrers = Command(
        name: "referrers", summary: "List what refers to a resource: signatures, attestations, lists of parts", arguments: "LOCATOR",
        count: 1...1,
        details: "Asks the registry in the locator; without one, looks in the local store and then in the configured registries.",
        options: [type, .registry, .json],
        examples: [
            .init("rx referrers localhost:3000/team/hello:1", "all of them"),
            .init("rx referrers localhost:3000/team/hello:1 --type application/spdx+json", "those of one type"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let found = try client.referrers(locator, artifactType: invocation.value(type), at: invocation.value(.registry))
        var table = Table()
        for each in found.referrers {
            let created = each.annotations["org.opencontainers.image.created"] ?? ""
            table.add(each.digest.description, each.artifactType ?? each.mediaType, Output.bytes(each.size), created)
        }
        try Output(invocation).print(
            .members([
                "locator": .string(found.subject.description), "manifestDigest": .string(found.digest.description),
                "referrers": .array(found.referrers.map(\.json)),
            ]),
            found.referrers.isEmpty ? "No referrers found" : "Found \(found.referrers.count) referrer(s):\n" + table.text)
    }
}
