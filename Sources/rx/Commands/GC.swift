import RxClient
import RxModel
import RxPosix
import RxStore

extension Command {
    private static let dryRun = Option("--dry-run", nil, "only tell what would be deleted")
    private static let lease = Option("--lease", "DURATION", "let leases end after this time: 30s, 10m, 1h, or 0 for at once")

    /// `rx gc`
    static let gc = Command(
        name: "gc", summary: "Delete what no resource names", arguments: "", count: 0...0,
        details: """
            Safe at any time, also while other processes add, push and pull: what a running operation needs is leased to it. With
            --lease 0 a running operation may have to start again.
            """,
        options: [dryRun, lease, .json], examples: [.init("rx gc --dry-run", "see what would go"), .init("rx gc", "free the space")]
    ) { invocation in
        let seconds = try invocation.value(lease).map { try Duration(parsing: $0).seconds }
        if seconds == 0 { Host.writeError("warning: --lease 0 takes blobs from operations that are still running\n") }
        let report = try Home.client(invocation).store.collect(
            CollectionOptions(dryRun: invocation.has(dryRun), leaseTime: seconds))
        let json = JSON.members([
            "dryRun": .bool(invocation.has(dryRun)), "blobs": .integer(report.blobs), "bytes": .integer(report.bytes),
            "manifests": .integer(report.manifests), "leftovers": .integer(report.leftovers),
        ])
        let verb = invocation.has(dryRun) ? "Would delete" : "Deleted"
        try Output(invocation).print(
            json,
            "\(verb) \(Output.count(report.blobs, "blob")) (\(Output.bytes(report.bytes))), \(Output.count(report.manifests, "manifest")), \(Output.count(report.leftovers, "leftover"))"
        )
    }
}

/// A time as it is typed: a number and `s`, `m`, `h` or `d`.
struct Duration {
    let seconds: Int

    init(parsing text: String) throws(UsageError) {
        let units = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let unit = text.last.map(String.init).flatMap { units[$0] }
        guard let number = Int(unit == nil ? text : String(text.dropLast())), number >= 0, unit != nil || number == 0,
            case let (seconds, overflow) = number.multipliedReportingOverflow(by: unit ?? 1), !overflow
        else { throw UsageError(message: "\"\(text)\" is not a duration", hint: "write it like 30s, 10m, 1h or 0") }
        self.seconds = seconds
    }
}
