import RxClient
import RxModel
import RxPosix
import RxStore

extension Command {
    private static let dryRun = Option("--dry-run", nil, "only tell what would be deleted")
    private static let explain = Option("--explain", "DIGEST", "delete nothing, and tell why this blob or manifest stays or goes")
    private static let lease = Option("--lease", "DURATION", "let leases end after this time: 30s, 10m, 1h, or 0 for at once")

    /// `rx gc`
    static let gc = Command(
        name: "gc", summary: "Delete what no resource names", arguments: "", count: 0...0,
        details: """
            Safe at any time, also while other processes add, push and pull: what a running operation needs is leased to it. With
            --lease 0 a running operation may have to start again.

            Tags stay for ever unless retention rules in config.json let them go first: "retention": [{"repositories": ["ci/**"],
            "keepLast": 10, "keepNewer": "30d", "keepTags": ["v*"]}]. The first rule for a repository decides; a tag stays when
            keepLast (so many that were put last), keepNewer (put less than so long ago) or keepTags (patterns) keeps it. Pinned
            resources (rx pin) and copies from registries are left alone.
            """,
        options: [dryRun, explain, lease, .json],
        examples: [
            .init("rx gc --dry-run", "see what would go"), .init("rx gc", "free the space"),
            .init("rx gc --explain sha256:DIGITS", "why it is still here, or will go"),
        ]
    ) { invocation in
        let seconds = try invocation.value(lease).map { try Duration(parsing: $0).seconds }
        if seconds == 0 { Host.writeError("warning: --lease 0 takes blobs from operations that are still running\n") }
        let client = try Home.client(invocation)
        let options = CollectionOptions(
            dryRun: invocation.has(dryRun), leaseTime: seconds, retention: try RetentionPolicy.stored(in: client.home))
        if let text = invocation.value(explain) {
            let explanation = try client.explain(text, options)
            return try Output(invocation).print(explanation.json, explanation.words)
        }
        let report = try client.store.collect(options)
        let json = JSON.members([
            "dryRun": .bool(invocation.has(dryRun)), "blobs": .integer(report.blobs), "bytes": .integer(report.bytes),
            "manifests": .integer(report.manifests), "leftovers": .integer(report.leftovers),
            "tags": .array(report.expired.map(\.json)),
        ])
        let verb = invocation.has(dryRun) ? "Would delete" : "Deleted"
        let tags = report.expired.map { "\(invocation.has(dryRun) ? "Would remove" : "Removed"): \($0.reference) (\($0.reason))\n" }
            .joined()
        try Output(invocation).print(
            json,
            "\(tags)\(verb) \(Output.count(report.blobs, "blob")) (\(Output.bytes(report.bytes))), \(Output.count(report.manifests, "manifest")), \(Output.count(report.leftovers, "leftover"))"
        )
    }
}

/// A time as it is typed: a number and `s`, `m`, `h`, `d` or `w`.
struct Duration {
    let seconds: Int

    init(parsing text: String) throws(UsageError) {
        guard let seconds = TimeSpan.seconds(text) else {
            throw UsageError(message: "\"\(text)\" is not a duration", hint: "write it like 30s, 10m, 1h or 0")
        }
        self.seconds = seconds
    }
}
