import Glibc
import RxClient
import RxModel
import RxPosix
import RxRun
import RxStore

extension Option {
    /// The lock of a run.
    static let lock = Option("--lock", "FILE", "the lock (default: rx.lock in this folder, when it is there)")
    /// What is allowed beyond it.
    static let allow = Option(
        "--allow", "PATTERN", "allow modules and resources of this name, with * for any text; may be repeated", repeats: true)
    /// No network.
    static let offline = Option("--offline", nil, "ask no registry: only what is here is used")
    /// Where a shared loader listens.
    static let socket = Option("--socket", "PATH", "where the shared loader listens (default: loader.sock in the home)")
}

extension Command {
    private static let record = Option("--record", nil, "write what was used into the lock, and which files into rx.trace beside it")

    /// `rx run`
    static let runProgram = Command(
        name: "run", summary: "Run a program whose missing modules come from registries, inside a lock", arguments: "-- COMMAND",
        count: 1...Int.max,
        details: """
            The program gets what it imports and does not have: only what the lock names, at the locked content, and what --allow
            matches: the name of a module (acme_*, python:acme_tools) or of a resource (acme/*). Only the files that it uses are
            fetched. Nothing else is ever asked for. Python and Node programs need no change; others ask on $RX_LOADER, such as
            $RX_LOADER/r/acme/tools/data.json. The program has this command's input, output and signals, and its exit status is the
            command's. A running rx loader is used.
            """,
        options: [.lock, .allow, record, .offline, .socket],
        examples: [
            .init("rx run -- python3 app.py", "with what rx.lock has"),
            .init("rx run --allow 'acme_*' --record -- python3 app.py", "and modules of these names, written into rx.lock"),
            .init("rx run --offline -- node app.mjs", "with what is here already"),
        ],
        takesSignals: true
    ) { invocation in
        ChildProgram.holdSignals()
        let policy = try RunPolicy.read(
            lock: invocation.value(.lock), allow: invocation.all(.allow), recording: invocation.has(record))
        let host = try RunHost(policy, isOffline: invocation.has(.offline), socket: invocation.value(.socket))
        var status: Int32
        do { status = try ChildProgram.run(invocation.positional, environment: host.environment) } catch let error as PosixError {
            Host.writeError("error: cannot run \(Output.visible(invocation.positional[0])): \(String(cString: strerror(error.errno)))\n")
            status = error.isMissing ? 127 : 126
        }
        do {
            let had = try host.end(recording: invocation.has(record))
            if let had {
                let file = invocation.value(.lock) ?? Lock.fileName
                if had.isEmpty { Host.writeError("rx: nothing is recorded: the program got nothing of a resource\n") }
                let change = try had.write(to: file)
                if change.added > 0 { Host.writeError("rx: \(file) has \(Output.count(change.added, "new resource"))\n") }
                for locator in change.replaced { Host.writeError("rx: \(file) no longer has \(locator): a new one took its place\n") }
            }
        } catch let error as any ResourceError {
            Host.writeError("error: what was used is not recorded: \(Output.visible(error.message))\n")
            if let hint = error.hint { Host.writeError("hint: \(Output.visible(hint))\n") }
            if status == 0 { status = 1 }
        }
        throw ExitStatus(status)
    }
}

/// The end of a command whose status is another program's.
struct ExitStatus: Error {
    let status: Int32

    init(_ status: Int32) { self.status = status }
}

/// What a program that is run asks: a session of the shared loader, or a host of its own.
private struct RunHost {
    /// The variables that the program is started with.
    let environment: [String: String]
    private let home: String
    private let notes: RunNotes
    private let session: LoaderSession?
    private let own: (binder: ModuleBinder, server: RunServer)?

    init(_ policy: ModulePolicy, isOffline: Bool, socket: String?) throws {
        home = try Home.path
        let views: ViewFolders
        let home = home
        session = LoaderLink(socket: socket ?? LoaderLink.socket(home: home)).begin(
            SessionRequest(
                identity: LoaderServer.Identity(
                    version: Version.text, registry: Environment.registry, surroundings: Surroundings.digest(home: home, Host.environment)),
                policy: policy, isOffline: isOffline))
        if session == nil {
            let client = try LateClient(home: home, environment: Environment.registry, version: Version.text)
            views = try ViewFolders(home: home)
            let supply = ModuleSupply(client, views: views, offline: isOffline)
            try supply.check(policy.lock)
            let known = RouteRecord.known(home: home, supply, policy, offline: isOffline)
            let binder = ModuleBinder(policy: policy, supply: supply, known: known)
            let sessions = RunSessions()
            let server = try RunServer(sessions) { error in
                // The program may run by now. What it asks for it does not get.
                let known = error as? any ResourceError
                Host.writeError("error: the program gets no modules: \(Output.visible(known?.message ?? "\(error)"))\n")
                if let hint = known?.hint { Host.writeError("hint: \(Output.visible(hint))\n") }
            }
            own = (binder, server)
            notes = try RunNotes(policy: policy, table: binder.tableText, views: views)
            environment = try RunHost.environment(server.url(sessions.add(binder)), notes, home)
        } else {
            views = try ViewFolders(home: home)
            own = nil
            notes = try RunNotes(policy: policy, table: session!.table, views: views)
            environment = try RunHost.environment(session!.url, notes, home)
        }
    }

    private static func environment(_ url: String, _ notes: RunNotes, _ home: String) throws -> [String: String] {
        try Hooks(HookFiles.all, home: home).environment(Host.environment).merging(notes.environment) { $1 }.merging(["RX_LOADER": url]) {
            $1
        }
    }

    /// Ends it; gives what the program had when that is recorded.
    func end(recording: Bool) throws -> RunRecord? {
        if recording, notes.isCut { Host.writeError("rx: more files were used than are noted; record shorter runs as well\n") }
        if let session {
            guard recording else {
                try? session.close(uses: notes.uses)
                return nil
            }
            return try session.end(uses: notes.uses)
        }
        guard let own else { return nil }
        own.server.stop()
        let uses = RunUses(parsing: notes.uses)
        guard recording else {
            RouteRecord.add(own.binder, counting: uses, home: home)
            return nil
        }
        own.binder.note(uses)
        RouteRecord.add(own.binder.routes, home: home)
        return try RunRecord(own.binder)
    }
}
