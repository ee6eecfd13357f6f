import Glibc
import RxModel
import RxPosix
import Synchronization

/// What all rounds of a run have in common.
package struct TortureSetup: Sendable {
    /// The program under test.
    package let program: String
    /// The library that is loaded in front of the C library of its processes.
    package let library: String
    /// The folder that rounds have their folders in.
    package let folder: String
    /// Whether every sync is a lie: a run that finds nothing then proves nothing.
    package var lies = false
    /// Whether the program has `rx verify`.
    let verifies: Bool

    /// Looks at what the program can do, and whether the library sees it. Throws `PosixError` when something is not there, `RegistryError`
    /// when nothing would be shown; the folder is gone then.
    package init(program: String, library: String, folder: String) throws {
        // The library is found, and paths are compared, by real names.
        self.program = try Files.realPath(program)
        self.library = try Files.realPath(library)
        try Files.makeFolders(folder)
        self.folder = try Files.realPath(folder)
        do {
            let asked = try Program(self.program, ["verify", "--help"], environment: ["HOME": self.folder], folder: self.folder)
            verifies = asked.finish(seconds: 10) == 0
            try probe()
        } catch {
            try? Files.removeTree(self.folder)
            throw error
        }
    }
}

/// One round: a schedule, carried out on stores of its own, and the history of it.
final class Round: Sendable {
    /// What is noted while it runs.
    struct Notes {
        var history = History()
        var violations: [Violation] = []
        /// By path.
        var folders: [String: KeptFolder] = [:]
        var isOver = false
    }

    let setup: TortureSetup
    let schedule: Schedule
    let contents: [Int: Content]
    let folder: String
    /// The address that its servers listen on, which no round beside it has: while one is started again on its port, nobody else gets that.
    let host: String
    let notes = Mutex(Notes())
    let servers: [Server]

    init(_ setup: TortureSetup, _ schedule: Schedule) throws {
        self.setup = setup
        self.schedule = schedule
        contents = schedule.contents
        let process = Int(getpid())
        // Rounds side by side have seeds that follow each other.
        host = "127.\(process >> 8 & 0xFF).\(process & 0xFF).\(schedule.seed % 250 + 2)"
        folder = "\(setup.folder)/round-\(schedule.seed)-\(RandomName.make().prefix(8))"
        servers = (0...1).map { _ in Server() }
        let kept = "\(folder)/kept"
        try Interruption.finishing { try Files.makeFolders(kept) }
        try startMachine()
        let counts = try FileDescriptor.open("\(folder)/counts", O_RDWR | O_CREAT, mode: 0o644)
        _ = try retrying("ftruncate", counts.path) { ftruncate(counts.number, off_t(PointCounts.size)) }
        notes.withLock { notes in
            notes.history.calm = schedule.epochs
            // What can look for damage looks before it sends.
            notes.history.hashesWhatItSends = setup.verifies
        }
        let blobs = contents.mapValues(\.blobs)
        notes.withLock { $0.history.blobs = blobs }
    }

    /// Carries it out; gives what broke a rule. The folder is gone afterwards.
    func run() throws -> (history: History, violations: [Violation], counts: PointCounts) {
        defer { try? Files.removeTree(folder) }
        for epoch in 0..<schedule.epochs {
            try run(epoch)
            try endEpoch(epoch)
        }
        try finish()
        lookAtFolders()
        let (history, noted) = notes.withLock { ($0.history, $0.violations) }
        let counts = try PointCounts(reading: "\(folder)/counts")
        return (history, noted + history.violations(), counts)
    }

    /// Where a store is.
    func store(_ number: Int) -> String { "\(folder)/store\(number)" }

    func note(_ event: Event) { notes.withLock { $0.history.events.append(event) } }

    func complain(_ text: String) { notes.withLock { $0.violations.append(Violation(text)) } }

    /// The environment of a process: its home and its faults.
    func environment(store number: Int, epoch: Int, faults: [Fault] = []) -> [String: String] {
        var words = ["root=\(folder)", "counts=\(folder)/counts"] + faults.map(\.rule)
        if setup.lies { words.append("lies") }
        if hasPowerFailure { words.append("notes=\(folder)/notes") }
        for case .clock(epoch, let seconds) in schedule.elements { words.append("clock=\(seconds)") }
        return [
            "PATH": "/usr/bin:/bin", "HOME": folder, "RX_HOME": store(number), "LD_PRELOAD": setup.library,
            "RX_FAULTS": words.joined(separator: ","),
        ]
    }

    private var hasPowerFailure: Bool {
        schedule.elements.contains { if case .powerFailure = $0 { true } else { false } }
    }

    private func run(_ epoch: Int) throws {
        let elements = schedule.elements
        let count = elements.contains(.secondServer(epoch: epoch)) ? 2 : 1
        var threads: [Thread] = []
        for (number, server) in servers.prefix(count).enumerated() {
            let faults = elements.compactMap { if case .fault(epoch, number, let fault) = $0 { fault } else { nil } }
            let environment = environment(store: 0, epoch: epoch, faults: faults)
            let plain = self.environment(store: 0, epoch: epoch)
            server.begin()
            threads.append(Thread { [self] in server.keepRunning(self, environment, plain) })
            for case .kill(epoch, number, let milliseconds) in elements {
                threads.append(Thread { server.kill(after: milliseconds) })
            }
        }
        for server in servers.prefix(count) { server.waitUntilReady() }
        let actors = Dictionary(
            grouping: elements.compactMap { element -> (Int, Step)? in
                guard case .step(epoch, let actor, let action, let fault, let kill) = element else { return nil }
                return (actor, Step(epoch: epoch, actor: actor, action: action, fault: fault, killedAfter: kill))
            }, by: \.0)
        let acting = actors.values.map { steps in Thread { [self] in for (_, step) in steps { perform(step) } } }
        for thread in acting { thread.join() }
        let isPolite = elements.contains(.politeEnd(epoch: epoch))
        for server in servers.prefix(count) { server.end(isPolite ? SIGTERM : SIGKILL) }
        for thread in threads { thread.join() }
    }

    /// Lets the processes to come see another run of the machine (`Host.boot`).
    private func startMachine() throws {
        try FileDescriptor.open("\(folder)/boot", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).write(Array(RandomName.uuid().utf8))
    }

    private func endEpoch(_ epoch: Int) throws {
        notes.withLock { $0.history.epochEnds.append(Clock.monotonic) }
        var chance = Chance(seed: schedule.seed &+ UInt64(epoch) &* 7919)
        if schedule.elements.contains(.powerFailure(epoch: epoch)) {
            try PowerFailure(reading: "\(folder)/notes").strike(folder, &chance)
            try Files.remove("\(folder)/notes")
            try startMachine()
        }
        lookAtFolders()
        for case .damage(epoch, let number, let damage) in schedule.elements {
            guard let digest = try damage.strike(store(number)) else { continue }
            notes.withLock { $0.history.damages.append(DamagedBlob(store: number, digest: digest, start: Clock.monotonic)) }
        }
    }
}
