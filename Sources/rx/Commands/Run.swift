import Glibc
import RxClient
import RxModel
import RxPosix
import RxRun
import RxStore

extension Command {
    private static let lock = Option("--lock", "FILE", "the lock (default: rx.lock in this folder, when it is there)")
    private static let allow = Option("--allow", "PATTERN", "allow what matches, with * for any text; may be repeated", repeats: true)
    private static let offline = Option("--offline", nil, "ask no registry: only what is here is used")

    /// `rx run`
    static let runProgram = Command(
        name: "run", summary: "Run a program whose missing modules come from registries, inside a lock", arguments: "-- COMMAND",
        count: 1...Int.max,
        details: """
            The program gets what it imports and does not have: only what the lock names, at the locked content, and what --allow matches. Only
            the files that it uses are fetched. Nothing else is ever asked for. Python and Node programs need no change; others
            ask on $RX_LOADER. It has this command's input, output and signals, and its exit status is the command's.
            """,
        options: [lock, allow, offline],
        examples: [
            .init("rx run -- python3 app.py", "what rx.lock has"),
            .init("rx run --allow 'acme_*' -- python3 app.py", "and modules of these names"),
            .init("rx run --offline -- node app.mjs", "what is here already"),
        ],
        takesSignals: true
    ) { invocation in
        ChildProgram.holdSignals()
        let policy = try RunPolicy.read(lock: invocation.value(lock), allow: invocation.all(allow))
        let home = try Home.path
        let client = try Client(home: home, environment: Environment.registry, version: Version.text)
        let views = try ViewFolders(home: home, blobs: client.store.blobFolder)
        let notes = try RunNotes(policy: policy, views: views)
        let binder = ModuleBinder(policy: policy, local: client, remote: invocation.has(offline) ? nil : client, views: views, notes: notes)
        let hooks = try Hooks(HookFiles.all, home: home)
        let server = try RunServer(binder)
        var variables = hooks.environment(Host.environment).merging(notes.environment) { $1 }
        variables["RX_LOADER"] = server.url
        let status: Int32
        do { status = try ChildProgram.run(invocation.positional, environment: variables) } catch let error as PosixError {
            Host.writeError("error: cannot run \(Output.visible(invocation.positional[0])): \(String(cString: strerror(error.errno)))\n")
            status = error.isMissing ? 127 : 126
        }
        server.stop()
        binder.note(notes.uses())
        throw ExitStatus(status)
    }
}

/// The end of a command whose status is another program's.
struct ExitStatus: Error {
    let status: Int32

    init(_ status: Int32) { self.status = status }
}
