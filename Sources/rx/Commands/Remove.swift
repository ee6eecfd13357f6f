import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx remove`
    static let remove = Command(
        name: "remove", aliases: ["rm"], summary: "Remove a resource's tag from the local store", arguments: "LOCATOR", count: 1...1,
        details: "A bare name removes what latest points at, and says which. The content stays until rx gc.",
        options: [.json],
        examples: [
            .init("rx remove hello:1.0.0", "remove one tag"), .init("rx remove localhost:3000/hello", "remove a copy that was pulled"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let removed = try client.remove(locator)
        try Output(invocation).print(
            .members(["removed": .array(removed.map { .string($0.description) })]), removed.map { "Removed: \($0)" }.joined(separator: "\n")
        )
    }
}
