import RxClient
import RxModel
import RxStore

extension Command {
    private static let force = Option("--force", nil, "remove the tag of a pinned resource, too; the content stays pinned")

    /// `rx remove`
    static let remove = Command(
        name: "remove", aliases: ["rm"], summary: "Remove a resource's tag from the local store", arguments: "LOCATOR", count: 1...1,
        details: """
            A bare name removes what latest points at, and says which. The content stays until rx gc, and that of a pinned resource
            until it is unpinned.
            """,
        options: [force, .json],
        examples: [
            .init("rx remove hello:1.0.0", "remove one tag"), .init("rx remove localhost:3000/hello", "remove a copy that was pulled"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let removed = try client.remove(locator, evenPinned: invocation.has(force))
        try Output(invocation).print(
            .members(["removed": .array(removed.map { .string($0.description) })]), removed.map { "Removed: \($0)" }.joined(separator: "\n")
        )
    }
}
