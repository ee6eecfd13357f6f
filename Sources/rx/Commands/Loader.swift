import RxClient
import RxModel
import RxPosix
import RxRun
import RxStore

extension Command {
    /// `rx loader`
    static let loader = Command(
        name: "loader", summary: "Run one loader that editors, agents and rx run share", arguments: "", count: 0...0,
        details: """
            Listens on a Unix socket that only you can connect to, until SIGTERM or SIGINT. Every rx run of this home, version and
            configuration uses it, with its own lock and patterns. Who asks at the socket itself gets what --lock and --allow say, by the same HTTP
            calls as on $RX_LOADER.
            """,
        options: [.socket, .lock, .allow, .offline, .json],
        examples: [
            .init("rx loader", "for every rx run of this home"),
            .init("rx loader --allow 'acme/*'", "and for others: curl --unix-socket ~/.rx/loader.sock http://rx/v1/routes"),
        ],
        takesSignals: true
    ) { invocation in
        Signals.holdEnd()
        let home = try Home.path
        let policy = try RunPolicy.read(lock: invocation.value(.lock), allow: invocation.all(.allow), recording: false)
        let client = try Client(home: home, environment: Environment.registry, version: Version.text)
        let supply = ModuleSupply(
            client, views: try ViewFolders(home: home), offline: invocation.has(.offline))
        let socket = invocation.value(.socket) ?? LoaderLink.socket(home: home)
        try supply.check(policy.lock)
        let binder = ModuleBinder(
            policy: policy, supply: supply, known: RouteRecord.known(home: home, supply, policy, offline: invocation.has(.offline)))
        let server = try LoaderServer(
            socket: socket,
            identity: LoaderServer.Identity(
                version: Version.text, registry: Environment.registry, surroundings: Surroundings.digest(home: home, Host.environment),
                isOffline: invocation.has(.offline)), binder: binder, supply: supply, home: home)
        try Output(invocation).print(.object(["socket": .string(socket)]), "Loader listening at \(socket)")
        let sweeper = Sweeper(server)
        _ = Signals.waitForEnd()
        sweeper.end()
        server.stop()
    }
}

/// Has a loader forget programs that are gone, now and then.
private final class Sweeper: Sendable {
    /// How often, in seconds.
    private static let interval = 5.0

    private let isOver: Monitor<Bool>
    private let thread: Thread

    init(_ server: LoaderServer) {
        let isOver = Monitor(false)
        self.isOver = isOver
        thread = Thread { while isOver.wait(seconds: Sweeper.interval, until: { $0 ? true : nil }) == nil { server.sweep() } }
    }

    func end() {
        isOver.update { $0 = true }
        thread.join()
    }
}
