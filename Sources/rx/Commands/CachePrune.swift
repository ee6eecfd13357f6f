import RxClient
import RxModel
import RxStore

extension Command {
    private static let most = Option(
        "--max-size", "SIZE", "let copies take at most this: 500MB, 10GiB, or 0 (default: cache-size of rx config)")
    private static let dryRun = Option("--dry-run", nil, "only tell what would go")

    /// `rx cache prune`
    static let cachePrune = Command(
        name: "cache prune", summary: "Remove the copies that were not used for longest", arguments: "", count: 0...0,
        details: """
            Removes copies that were pulled, least recently used first, until what only copies need fits, and deletes their content. Your
            own resources stay, and so do pinned copies (rx pin) and those in use. When a copy was used is known to the hour.
            """,
        options: [most, dryRun, .data, .json],
        examples: [
            .init("rx cache prune --max-size 10GiB", "keep 10 GiB of copies"),
            .init("rx config set cache-size 10GiB", "the same after every pull"),
        ]
    ) { invocation in
        let limit = try invocation.bytes(most)
        let pruning = try Home.client(invocation).prune(to: limit, dryRun: invocation.has(dryRun))
        let eviction = pruning.eviction
        let verb = invocation.has(dryRun) ? "Would remove" : "Removed"
        var lines = eviction.copies.map { copy in
            "\(verb): \(copy.words) (\(Output.bytes(copy.bytes)), last used \(Output.time(copy.lastUse)))"
        }
        lines.append("\(verb) \(eviction.words): copies need \(Output.bytes(eviction.after)) of \(Output.bytes(pruning.limit))")
        if eviction.after > pruning.limit {
            lines.append("  \(Output.count(eviction.spared, "copy", "copies")) pinned or in use: that is more than the limit")
        }
        try Output(invocation).print(
            .members([
                "dryRun": .bool(invocation.has(dryRun)), "limit": .integer(pruning.limit), "before": .integer(eviction.before),
                "after": .integer(eviction.after), "spared": .integer(eviction.spared), "removed": .array(eviction.copies.map(\.json)),
                "deleted": pruning.collection.map { .members(["blobs": .integer($0.blobs), "bytes": .integer($0.bytes)]) },
            ]), lines.joined(separator: "\n"))
    }
}

extension Eviction {
    /// `2 copies (1.2 MiB)`.
    var words: String { "\(Output.count(copies.count, "copy", "copies")) (\(Output.bytes(copies.lazy.map(\.bytes).cappedSum)))" }
}

extension Eviction.Copy {
    /// The locators of its tags; where it has none, as a partial copy may, that of its digest.
    fileprivate var names: [String] { tags.isEmpty ? [place.description] : tags.map { place.reference($0).description } }

    fileprivate var words: String { names.joined(separator: ", ") + (isPartial ? ", in part" : "") }

    /// For programs.
    var json: JSON {
        .members([
            "locators": .array(names.map { .string($0) }), "manifestDigest": .string(place.digest.description), "bytes": .integer(bytes),
            "lastUsedAt": .string(Output.time(lastUse)), "partial": .bool(isPartial),
        ])
    }
}
