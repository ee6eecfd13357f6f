import RxClient
import RxModel
import RxPosix
import RxRun
import RxStore

extension Command {
    private static let trace = Option("--trace", "FILE", "the files that count (default: rx.trace beside the lock, when it is there)")
    private static let all = Option("--all", nil, "all files count, whatever the trace says")

    /// `rx freeze`
    static let freeze = Command(
        name: "freeze", summary: "Fetch what a lock needs, and prove that rx run --offline needs nothing else", arguments: "", count: 0...0,
        details: """
            Fetches the files that the trace names of each locked resource, all of one that it does not name; then asks nobody any more, finds
            every entry in the home, and reads every file to its end. What is not here, or not what the lock says, is named, and the exit
            status is 1. Where programs see the files of these resources it looks, too: what was changed there is named and taken away, and
            comes anew with its next use.
            """,
        options: [.lock, trace, all, .offline, .json],
        examples: [
            .init("rx freeze", "make rx run --offline work"),
            .init("rx freeze --all", "with every file of every resource"),
            .init("rx freeze --offline", "only prove it"),
        ]
    ) { invocation in
        let file = invocation.value(.lock) ?? Lock.fileName
        guard let lock = try RunPolicy.lock(file) else {
            throw RegistryError(
                "there is no lock \(file)", code: .notFound, hint: "rx run --allow NAME --record -- COMMAND makes one")
        }
        let traceFile = invocation.value(trace) ?? RunRecord.traceFile(of: file)
        let found = invocation.has(all) ? nil : try RunPolicy.trace(traceFile)
        if found == nil, !invocation.has(all), let named = invocation.value(trace) {
            throw RegistryError(
                "there is no trace \(named)", code: .notFound, hint: "rx run --record -- COMMAND makes one; --all needs none")
        }
        let home = try Home.path
        let client = try Client(home: home, environment: Environment.registry, version: Version.text)
        let supply = ModuleSupply(
            client, views: try ViewFolders(home: home), offline: invocation.has(.offline))
        let report = Freezer(supply, trace: found ?? RunTrace()).freeze(lock, proving: invocation.has(.offline))
        let problems = report.problems.map { problem in
            JSON.object(["locator": .string(problem.locator.description), "error": .string(problem.message)])
        }
        let changed = report.changed.map { file in
            JSON.object(["locator": .string(file.locator.description), "path": .string(file.path.text)])
        }
        let lines =
            report.changed.map { "  \($0.locator): \(Output.visible($0.path.text)) was changed where programs see it, and taken away" }
            + report.problems.map { "  \($0.locator): \($0.message)" } + [
                "\(report.problems.isEmpty ? "Frozen" : "Not frozen"): \(Output.number(report.resources)) of \(Output.count(lock.entries.count, "resource")), \(Output.count(report.files, "file")), \(Output.bytes(report.bytes))"
            ]
        try Output(invocation).print(
            .object([
                "resources": .integer(report.resources), "files": .integer(report.files), "bytes": .integer(report.bytes),
                "problems": .array(problems), "changed": .array(changed),
            ]), lines.joined(separator: "\n"))
        if !report.problems.isEmpty { throw ExitStatus(1) }
    }
}
