import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx du`
    static let du = Command(
        name: "du", summary: "Show what takes the space, by repository", arguments: "", count: 0...0,
        details: """
            UNIQUE is what only that repository's resources need: it would be free without them. SHARED is needed elsewhere, too. LOGICAL
            is what all its resources would take if nothing were shared. Copies are shown under the registry they came from, and each
            registry's copies together. What no resource names goes with rx gc, unless an operation has it.
            """,
        options: [.data, .json],
        examples: [
            .init("rx du", "largest first"), .init("rx du --data /srv/rx", "a server's store"),
            .init("rx du --json | jq '.unnamed.bytes'", "what rx gc could free"),
        ]
    ) { invocation in
        let usage = try Home.client(invocation).store.usage()
        try Output(invocation).print(usage.json, usage.words)
    }
}

extension StoreUsage {
    fileprivate var json: JSON {
        .members([
            "repositories": .array(repositories.map(\.json)), "registries": .array(registries.map(\.json)),
            "stored": stored.json, "unnamed": unnamed.json, "logicalBytes": .integer(logicalBytes),
        ])
    }

    fileprivate var words: String {
        var table = Table()
        table.add("UNIQUE", "SHARED", "LOGICAL", "TAGS", "REPOSITORY")
        for share in repositories { table.add(share) }
        if registries.contains(where: { !$0.registry.isEmpty }) {
            for share in registries { table.add(share) }
        }
        let saved = max(0, logicalBytes - (stored.bytes - unnamed.bytes))
        return """
            \(table.text)
            Total: \(Output.bytes(stored.bytes)) in \(Output.count(stored.blobs, "blob")); \(Output.bytes(logicalBytes)) without sharing (\(Output.bytes(saved)) saved)
            Named by no resource: \(Output.bytes(unnamed.bytes)) in \(Output.count(unnamed.blobs, "blob"))
            """
    }
}

extension StoreUsage.Amount {
    fileprivate var json: JSON { .members(["blobs": .integer(blobs), "bytes": .integer(bytes)]) }
}

extension StoreUsage.Share {
    fileprivate var json: JSON {
        .members([
            "registry": registry.isEmpty ? nil : .string(registry), "repository": repository.map { .string($0) },
            "tags": .integer(tags), "manifests": .integer(manifests), "unique": unique.json, "shared": shared.json,
            "logicalBytes": .integer(logicalBytes),
        ])
    }

    /// The repository, under its registry; for all of a registry, its host with ` (all)`.
    fileprivate var name: String {
        guard let repository else { return registry.isEmpty ? "(all of your own)" : "\(registry) (all)" }
        return registry.isEmpty ? repository : "\(registry)/\(repository)"
    }
}

extension Table {
    fileprivate mutating func add(_ share: StoreUsage.Share) {
        add(
            Output.bytes(share.unique.bytes), Output.bytes(share.shared.bytes), Output.bytes(share.logicalBytes), "\(share.tags)",
            share.name)
    }
}
