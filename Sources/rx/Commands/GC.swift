import RxClient
import RxModel
import RxPosix
import RxStore
import Synchronization

extension Command {
    private static let dryRun = Option("--dry-run", nil, "only tell what would be deleted")
    private static let explain = Option("--explain", "DIGEST", "delete nothing, and tell why this blob or manifest stays or goes")
    private static let lease = Option("--lease", "DURATION", "let leases end after this time: 30s, 10m, 1h, or 0 for at once")
    private static let untagged = Option(
        "--untagged", "RULE", "manifests without a tag: keep, delete, or a time such as 7d after which they go")

    /// `rx gc`
    static let gc = Command(
        name: "gc", summary: "Delete what no resource names", arguments: "", count: 0...0,
        details: """
            Safe at any time, also while other processes add, push and pull: what a running operation needs is leased to it. With
            --lease 0 a running operation may have to start again. What has lost its last tag goes, of a server's store (--data) after an
            hour, since somebody may be reading it; what was pushed by its digest alone stays, unless --untagged says otherwise. What an
            index lists and what refers to something that stays, stays always.

            Tags stay for ever unless retention rules in config.json let them go first: "retention": [{"repositories": ["ci/**"],
            "keepLast": 10, "keepNewer": "30d", "keepTags": ["v*"]}]. The first rule for a repository decides; a tag stays when
            keepLast (so many that were put last), keepNewer (put less than so long ago) or keepTags (patterns) keeps it. Pinned
            resources (rx pin) and copies from registries are left alone.
            """,
        options: [dryRun, explain, lease, untagged, .data, .json, .quiet],
        examples: [
            .init("rx gc --dry-run", "see what would go"), .init("rx gc", "free the space"),
            .init("rx gc --untagged 7d", "also what was pushed without a tag a week ago"),
            .init("rx gc --explain sha256:DIGITS", "why it is still here, or will go"),
            .init("rx gc --data /srv/rx", "a server's store, by its own retention rules"),
        ]
    ) { invocation in
        let seconds = try invocation.value(lease).map { try Duration(parsing: $0).seconds }
        let rule = try invocation.value(untagged).map { try CollectionOptions.Untagged(parsing: $0) } ?? .byDigest
        let explained = try invocation.value(explain).map { text throws(UsageError) in
            guard let digest = ContentDigest(text) else {
                throw UsageError(message: "\"\(text)\" is not a digest", hint: "write sha256: and 64 digits, as rx info --json shows them")
            }
            return digest
        }
        if seconds == 0 { Host.writeError("warning: --lease 0 takes blobs from operations that are still running\n") }
        let client = try Home.client(invocation)
        let progress = ProgressDisplay.make(invocation)
        let options = CollectionOptions(
            dryRun: invocation.has(dryRun), leaseTime: seconds, untagged: rule, hasReaders: invocation.value(.data) != nil,
            retention: try RetentionPolicy.stored(in: client.home), observer: CollectionDisplay(progress))
        if let explained {
            let explanation = try client.explain(explained, options)
            return try Output(invocation).print(explanation.json, explanation.words)
        }
        let report = try client.store.collect(options)
        progress.end()
        let verb = options.dryRun ? "Would delete" : "Deleted"
        let tags = report.expired.map { "\(options.dryRun ? "Would remove" : "Removed"): \($0.reference) (\($0.reason))\n" }.joined()
        try Output(invocation).print(
            report.json(dryRun: options.dryRun),
            "\(tags)\(verb) \(Output.count(report.blobs, "blob")) (\(Output.bytes(report.bytes))), \(Output.count(report.manifests, "manifest")), \(Output.count(report.leftovers, "leftover"))"
        )
    }
}

/// Shows how far a collection is.
private final class CollectionDisplay: CollectionObserver {
    private struct State {
        var phase: CollectionProgress.Phase?
        var done = 0
    }

    private let progress: any Progress
    private let state = Mutex(State())

    init(_ progress: any Progress) { self.progress = progress }

    func reached(_ moment: CollectionProgress) -> Bool {
        state.withLock { state in
            if state.phase != moment.phase {
                state = State(phase: moment.phase)
                let what =
                    switch moment.phase {
                    case .waiting: "waiting for another collection"
                    case .manifests: "deleting manifests"
                    case .blobs: "collecting"
                    }
                // How many manifests there are to delete says nothing of the whole, which the blobs are.
                progress.begin(what, total: nil, files: moment.phase == .blobs ? moment.total : 0)
            }
            progress.advance(0, files: moment.done - state.done)
            state.done = moment.done
        }
        return true
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

extension CollectionOptions.Untagged {
    /// Reads `keep`, `delete` or a time.
    init(parsing text: String) throws(UsageError) {
        switch text {
        case "keep": self = .all
        case "delete": self = .younger(than: 0)
        default:
            guard let age = try? Duration(parsing: text) else {
                throw UsageError(
                    message: "\"\(text)\" says nothing of manifests without a tag", hint: "write keep, delete, or a time like 12h or 7d")
            }
            self = .younger(than: age.seconds)
        }
    }
}
