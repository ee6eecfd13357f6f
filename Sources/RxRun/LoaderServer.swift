import Glibc
import RxHTTP
import RxModel
import RxPosix
import RxServer
import Synchronization

/// A host that editors, agents and any number of `rx run` share: at a socket that only this user can connect to.
///
/// Source: Specs/17-run, "A shared host".
package final class LoaderServer: Sendable {
    /// Who asks for a session must have been started alike: the same program, registry and surroundings. A loader that asks nobody is for
    /// programs alone that are run so, too.
    package struct Identity: Sendable, Equatable {
        let version: String
        let registry: String?
        let surroundings: String
        let isOffline: Bool

        /// The program's version, what the environment says of the registry, and `Surroundings.digest`.
        package init(version: String, registry: String?, surroundings: String, isOffline: Bool = false) {
            self.version = version
            self.registry = registry
            self.surroundings = surroundings
            self.isOffline = isOffline
        }

        /// Whether a loader can stand in for a host of one's own.
        func serves(_ other: Identity) -> Bool {
            version == other.version && registry == other.registry && surroundings == other.surroundings && (!isOffline || other.isOffline)
        }
    }

    private let server: HTTPServer
    private let programs: RunServer
    private let desk: LoaderDesk
    private let path: String
    private let inode: UInt

    /// Serves until `stop`: `binder` for those who ask at the socket itself, and a session for each `rx run`. Throws `RegistryError` when it
    /// cannot listen.
    package init(socket path: String, identity: Identity, binder: ModuleBinder, supply: ModuleSupply, home: String) throws {
        Signals.ignoreBrokenPipes()
        self.path = path
        let workers = Workers(long: RunServer.threads)
        let sessions = RunSessions()
        programs = try RunServer(sessions)
        try programs.waitUntilStarted()
        desk = LoaderDesk(identity: identity, binder: binder, supply: supply, sessions: sessions, programs: programs, home: home)
        do {
            server = try HTTPServer(
                path: path, limits: HTTPLimits(bodyBytes: Lock.sizeLimit, drainSeconds: 1),
                handler: LoaderHandler(desk: desk, workers: workers), workers: workers, log: .none)
        } catch {
            workers.close()
            throw error
        }
        inode = UInt((try Files.status(path))?.st_ino ?? 0)
    }

    deinit { stop() }

    /// Forgets the sessions of programs that are gone. To be called now and then.
    package func sweep() { desk.sweep() }

    /// Answers nobody from now on, and keeps what was bound for the next run.
    package func stop() {
        server.stop()
        programs.stop()
        desk.keep()
        // Another one may listen there by now.
        if let status = try? Files.status(path), UInt(status.st_ino) == inode { Files.discard(path) }
    }
}

/// What a shared host knows of its sessions.
final class LoaderDesk: Sendable {
    private struct State {
        /// The process of each session.
        var owners: [String: pid_t] = [:]
        /// What sessions had that are over.
        var past: [Route] = []
        var isKept = false
    }

    let binder: ModuleBinder
    private let identity: LoaderServer.Identity
    private let supply: ModuleSupply
    private let sessions: RunSessions
    private let programs: RunServer
    private let home: String
    private let state = Mutex(State())

    init(
        identity: LoaderServer.Identity, binder: ModuleBinder, supply: ModuleSupply, sessions: RunSessions, programs: RunServer,
        home: String
    ) {
        self.identity = identity
        self.binder = binder
        self.supply = supply
        self.sessions = sessions
        self.programs = programs
        self.home = home
    }

    /// `POST /v1/sessions`: a session for a program with a policy of its own.
    func begin(_ bytes: [UInt8]) throws -> HTTPResponse {
        let request = try SessionRequest(parsing: bytes)
        guard identity.serves(request.identity) else {
            let registry = identity.registry ?? "of the configuration"
            throw RegistryError(
                "this loader is rx \(identity.version) with the registry \(registry)\(identity.isOffline ? ", offline" : ""), and the other is not, or has another configuration",
                code: .invalidRequest)
        }
        let offers = request.isOffline ? supply.offline : supply
        try offers.check(request.policy.lock)
        let known = RouteRecord.known(home: home, offers, request.policy, offline: request.isOffline)
        let binder = ModuleBinder(policy: request.policy, supply: offers, known: known)
        let token = sessions.add(binder)
        state.withLock { $0.owners[token] = request.process }
        return .json(
            201, .object(["url": .string(programs.url(token)), "session": .string(token), "table": .string(binder.tableText)]))
    }

    /// `POST /v1/sessions/SESSION/end`: what the program had; `uses` is its list of what it used without asking.
    func end(_ token: String, uses: [UInt8]) throws -> HTTPResponse {
        guard let binder = sessions.binder(token.utf8) else { throw RegistryError("There is no such session", code: .notFound) }
        binder.note(RunUses(parsing: uses))
        close(token)
        let record = try RunRecord(binder)
        return .json(200, .object(["lock": .string(try Lock(record.entries).text), "trace": .string(record.trace.text)]))
    }

    /// `POST /v1/sessions/SESSION/close`: the same for who only counts.
    func close(_ token: String, uses: [UInt8]) throws -> HTTPResponse {
        guard sessions.binder(token.utf8) != nil else { throw RegistryError("There is no such session", code: .notFound) }
        close(token, counting: RunUses(parsing: uses))
        return HTTPResponse(204)
    }

    private func close(_ token: String, counting uses: RunUses = RunUses(parsing: [])) {
        guard let binder = sessions.remove(token) else { return }
        let routes = uses.isEmpty ? binder.routes : binder.routes(counting: uses, after: RouteRecord(home: home))
        state.withLock { state in
            state.owners[token] = nil
            state.past = RouteRecord(merging: state.past + routes).routes
        }
        RouteRecord.add(routes, home: home)
    }

    /// `GET /v1/routes`: of everybody.
    func routes() -> HTTPResponse {
        let past = state.withLock { $0.past }
        let routes = RouteRecord(merging: past + (sessions.all + [binder]).flatMap(\.routes)).routes
        return .json(200, .object(["routes": .array(routes.map(\.json))]))
    }

    func sweep() {
        let dead = state.withLock { $0.owners }.filter { kill($0.value, 0) == -1 && errno == ESRCH }
        for token in dead.keys { close(token) }
    }

    func keep() {
        let isFirst = state.withLock { state in
            defer { state.isKept = true }
            return !state.isKept
        }
        guard isFirst else { return }
        for token in state.withLock({ Array($0.owners.keys) }) { close(token) }
        RouteRecord.add(binder.routes, home: home)
    }
}

/// Answers at the socket: the host's own calls without a name in front, and those about sessions.
private struct LoaderHandler: HTTPHandler {
    let desk: LoaderDesk
    let workers: Workers

    func react(to request: HTTPRequest, id: String) -> Reaction {
        let path = String(request.path.utf8.drop { $0 == UInt8(ascii: "/") })!
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
        switch (request.method, parts.count) {
        case ("POST", 2) where parts == ["v1", "sessions"]: return .receive(Receiver { [desk] in try desk.begin($0) })
        case ("POST", 4) where parts[..<2] == ["v1", "sessions"] && parts[3] == "end":
            let token = parts[2]
            return .receive(Receiver { [desk] in try desk.end(token, uses: $0) })
        case ("POST", 4) where parts[..<2] == ["v1", "sessions"] && parts[3] == "close":
            let token = parts[2]
            return .receive(Receiver { [desk] in try desk.close(token, uses: $0) })
        case ("GET", 2) where parts == ["v1", "routes"]:
            return .work { [desk] respond in respond(RunHandler.answer { desk.routes() }) }
        default:
            let binder = desk.binder
            let handler = RunHandler(session: { _ in RunHandler.Session(binder: binder, path: path) }, workers: workers)
            return handler.react(to: request, id: id)
        }
    }
}

/// Receives a body whole. The server calls it on one thread at a time, and refuses what is longer than its limit.
private final class Receiver: UploadReceiver, @unchecked Sendable {
    private let job: @Sendable ([UInt8]) throws -> HTTPResponse
    private var bytes: [UInt8] = []

    init(_ job: @escaping @Sendable ([UInt8]) throws -> HTTPResponse) { self.job = job }

    func receive(_ more: UnsafeRawBufferPointer) -> HTTPResponse? {
        bytes.append(contentsOf: more)
        return nil
    }

    func finish() -> HTTPResponse { RunHandler.answer { try job(bytes) } }
}
