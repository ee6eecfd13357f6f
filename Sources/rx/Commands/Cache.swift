import RxClient
import RxModel
import RxRun
import RxStore

extension Command {
    private static let host = Option("--registry", "HOST", "only what came from this registry: its host, name or address")

    /// `rx cache`
    static let cache = Command(
        name: "cache", summary: "Manage the copies of what registries hold", arguments: "COMMAND", count: 0...0, examples: [],
        subcommands: [
            Command(
                name: "cache clear", summary: "Remove every copy of what registries hold; your own resources stay", arguments: "",
                count: 0...0,
                details: "The content stays until rx gc.", options: [host, .json],
                examples: [
                    .init("rx cache clear", "forget all copies"),
                    .init("rx cache clear --registry localhost:3000", "forget those of one registry"),
                ]
            ) { invocation in
                let client = try Home.client(invocation)
                let registry = try invocation.value(host).map { try client.cacheHost($0) }
                let (removed, pinned, partial) = try client.store.removeCached(registry: registry)
                if registry == nil { try ViewFolders.removeAll(home: client.home) }
                let what = registry.map { "Cleared cached resources from \($0)" } ?? "Cleared all cached resources"
                var rest = pinned > 0 ? "\n  Kept: \(Output.count(pinned, "pinned tag"))" : ""
                if partial > 0 { rest += "\n  And \(Output.count(partial, "copy", "copies")) of which some files were here" }
                try Output(invocation).print(
                    .members([
                        "removed": .integer(removed), "pinned": .integer(pinned), "partial": .integer(partial),
                        "registry": registry.map { .string($0) },
                    ]), "\(what) (\(removed))\(rest)")
            },
            cachePrune,
        ])
}
