import RxModel
import RxPosix
import RxTorture

extension Command {
    private static let seed = Option("--seed", "N", "the first round's seed (default 1)")
    private static let rounds = Option("--rounds", "N", "so many rounds, each with the next seed (default 100)")
    private static let seconds = Option("--seconds", "N", "begin no round after so many seconds")
    private static let jobs = Option("--jobs", "N", "rounds that run side by side (default 6)")
    private static let folder = Option("--folder", "DIR", "where rounds keep their stores (default /dev/shm, in memory)")
    private static let program = Option("--program", "FILE", "the rx to be tested (default this one)")
    private static let library = Option("--library", "FILE", "the library with the faults (default libRxFaults.so beside this program)")
    private static let only = Option("--only", "N,N,...", "only these elements of the one round, as a failure names them")
    private static let lies = Option("--lies", nil, "let every sync do nothing: what a run must find out")
    private static let points = Option("--points", nil, "fail unless every named point was passed and struck")

    /// `rx torture`, which no help shows. Source: Specs/14-torture.
    static let torture = Command(
        name: "torture", summary: "Kill, fill, break and cut off stores, and see that nothing is lost", arguments: "", count: 0...0,
        details: """
            Runs clients, registries and collections against stores of their own while processes are killed, disks are full or broken,
            the power fails, clocks jump and files are damaged, all drawn from a seed; then reads everything that was ever put.
            """,
        options: [seed, rounds, seconds, jobs, folder, program, library, only, lies, points, .json],
        examples: [.init("rx torture --rounds 1000", "a thousand rounds")], isHidden: true
    ) { invocation in
        let own = try Files.realPath("/proc/self/exe")
        let beside = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
        let run = try RunFolder(in: invocation.value(folder) ?? "/dev/shm")
        defer { withExtendedLifetime(run) {} }
        var setup = try TortureSetup(
            program: invocation.value(program) ?? own, library: invocation.value(library) ?? "\(beside)/libRxFaults.so",
            folder: run.path)
        setup.lies = invocation.has(lies)
        let torture = Torture(setup, width: try invocation.number(jobs, in: 1...256, default: 6))
        let first = UInt64(try invocation.number(seed, in: 0...Int.max, default: 1))
        let count = try invocation.number(rounds, in: 1...Int.max, default: 100)
        if let text = invocation.value(only) {
            let all = Torture.elements(first)
            let kept = Set(
                try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
                    guard let number = Int(word), (0..<all).contains(number) else {
                        throw UsageError(message: "--only needs numbers from 0 to \(all - 1), not \"\(word)\"")
                    }
                    return number
                })
            if let failure = try torture.replay(first, only: kept) {
                try Host.writeOutput(failure.text)
                throw RegistryError("the round breaks a rule", code: .internalError)
            }
            try Host.writeOutput("The round breaks no rule this time\n")
            return
        }
        let limit = try invocation.value(seconds) == nil ? nil : invocation.number(seconds, in: 1...Int.max, default: 1)
        let started = Clock.monotonic
        let report = try torture.run(from: first, count: count, seconds: limit.map(Double.init) ?? .infinity) { report, failed in
            if let failed { Host.writeError(failed.text) }
            guard report.rounds.isMultiple(of: 100) else { return }
            Host.writeError("\(report.rounds) rounds, \(report.puts) puts, \(report.reads) reads, \(report.failures.count) failed\n")
        }
        try Output(invocation).print(report.json, report.words(seconds: (Clock.monotonic - started) / 1_000_000_000))
        guard report.failures.isEmpty else {
            throw RegistryError("\(report.failures.count) rounds break a rule", code: .internalError, hint: "run one again with its --seed")
        }
        guard report.puts > 0 else {
            throw RegistryError("nothing was put: this shows nothing", code: .internalError, hint: "run more rounds, or for longer")
        }
        guard !invocation.has(points) || (report.missed + report.unstruck).isEmpty else {
            throw RegistryError("not every point was passed and struck", code: .internalError, hint: "run more rounds")
        }
    }
}

extension Torture.Report {
    fileprivate var json: JSON {
        .members([
            "rounds": .integer(rounds), "steps": .integer(steps), "puts": .integer(puts), "reads": .integer(reads),
            "failures": .array(failures.map { .integer(Int($0.seed)) }), "missed": .array(missed.map { .string($0.description) }),
            "points": .object(
                Dictionary(
                    uniqueKeysWithValues: FaultPoint.named.map { point in
                        (
                            point.description,
                            .members(["passed": .integer(counts.passed(point)), "struck": .integer(counts.struck(point))])
                        )
                    })),
        ])
    }

    fileprivate func words(seconds: Int) -> String {
        let passed = FaultPoint.named.count - missed.count
        let list = missed.isEmpty ? "" : "; never passed: \(missed.map(\.description).joined(separator: ", "))"
        let calm = unstruck.isEmpty ? "" : "\n  Never struck: \(unstruck.map(\.description).joined(separator: ", "))"
        return """
            Rounds: \(Output.number(rounds)), \(Output.count(failures.count, "failure")), \(Output.number(seconds)) s
              Puts reported as done: \(Output.number(puts)), reads that found them whole: \(Output.number(reads))
              Points: \(passed) of \(FaultPoint.named.count)\(list)\(calm)
            """
    }
}
