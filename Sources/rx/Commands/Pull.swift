import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx pull`
    static let pull = Command(
        name: "pull", summary: "Fetch a resource from a registry into the local store", arguments: "LOCATOR", count: 1...1,
        details: """
            Without --registry it comes from the registry in the locator, else from the first configured one that has it. The copy is
            stored under that registry's host. With @sha256:DIGEST only that content is accepted. Any OCI registry will do, and any
            artifact or image: one that is no resource has the type oci and its layers as files.
            """,
        options: [.registry, .json, .quiet],
        examples: [
            .init("rx pull hello:1.0.0", "from the configured registries"),
            .init("rx pull localhost:3000/team/hello", "from this registry"),
            .init("rx pull registry.example.com/team/image:1", "an image or artifact of another kind"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let record = try client.pull(locator, from: invocation.value(.registry))
        try Output(invocation).print(
            record.summary,
            "Pulled: \(record.reference)\n  Files: \(record.fileCount) (\(Output.bytes(record.size)))\n  Digest: \(record.tree)")
    }
}
