import RxClient
import RxHTTP
import RxModel
import RxProtocol

extension Command {
    /// `rx push`
    static let push = Command(
        name: "push", summary: "Send a resource to a registry", arguments: "LOCATOR", count: 1...1,
        details: """
            Without --registry it goes to the registry in the locator, else to the default one. Any OCI registry will do; only files that
            it lacks are sent. An artifact of another kind that was pulled goes byte for byte.
            """,
        options: [.registry, .json, .quiet],
        examples: [
            .init("rx push hello:1.0.0", "to the default registry"),
            .init("rx push hello --registry http://localhost:3000", "to this address"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let pushing = try client.pushing(locator, to: invocation.value(.registry))
        let (registry, receipt) = (pushing.registry, pushing.receipt)
        try Output(invocation).print(
            .members([
                "locator": .string(receipt.locator.description), "registry": .string(registry.description),
                "digest": .string(receipt.digest.description),
                "manifestDigest": .string(receipt.manifestDigest.description), "transfer": pushing.report.json,
            ]),
            "Pushed: \(receipt.locator)\n  Registry: \(registry)\n  Digest: \(receipt.digest)\n  \(pushing.report.words("Sent"))")
    }
}
