import RxModel
import Synchronization

/// Finds what a program asks for and is not there yet: the resource for a router's `unknown` route.
///
/// The first request for a name looks for a resource of that name in the local store, then in the registries, verifies it, binds it by
/// its type, and answers; however many ask at once, it is looked for once. Every later request is answered from the table.
/// Source: Specs/15-loader, LOD-030 to LOD-041.
public final class Loader: Resource {
    /// How a loader behaves.
    public struct Settings: Sendable {
        /// Which resource a path means.
        public var rule = RouteRule.standard
        /// The types that are bound.
        public var types = TypeRegistry()
        /// How long a name that is nowhere, or leads to what cannot be bound, is not looked for again.
        public var absence = Duration.seconds(60)
        /// How long a name is not looked for again after a registry that could not be asked, or another failure that may pass.
        public var failure = Duration.seconds(5)
        /// Keeps what is bound: with a store on disk, the same versions are bound in the next run, without asking anybody.
        public var record: (any Resource)?
        /// Gets the conditions of work that no request waits for.
        public var kit: Kit?
        /// What `absence` and `failure` are measured by.
        public var time = TimeSource.system
        /// Where the local store is asked.
        public var disk = BlockingWork.disk
        /// Where the registries are asked.
        public var network = BlockingWork.network

        /// The settings that need no thought.
        public init() {}
    }

    struct State {
        var bound: [String: BoundRoute] = [:]
        var trackers: [String: Tracker] = [:]
        var searches: [String: Task<Found, Never>] = [:]
        var refused = NegativeCache()
    }

    /// What a search ends with.
    enum Found: Sendable {
        case bound(BoundRoute)
        case refused(Reply)
    }

    let local: any LocalShelf
    let remote: (any RemoteShelf)?
    let settings: Settings
    let state = Mutex(State())

    /// Looks for resources in `local`, then in `remote`; without the latter nobody is asked.
    public init(local: any LocalShelf, remote: (any RemoteShelf)?, settings: Settings = Settings()) {
        self.local = local
        self.remote = remote
        self.settings = settings
    }

    public func get(_ headers: Headers) async -> Reply {
        guard let (name, inner) = settings.rule.split(headers) else { return .notFound }
        if let bound = entry(name) { return await bound.get(inner) }
        switch await binding(of: name, for: headers) {
        case .bound(let bound): return await bound.get(inner)
        case .refused(let reply): return reply
        }
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let (name, inner) = settings.rule.split(headers) else { return .notFound }
        if let bound = entry(name) { return await bound.put(inner, body) }
        switch await binding(of: name, for: headers) {
        case .bound(let bound): return await bound.put(inner, body)
        case .refused(let reply): return reply
        }
    }

    /// What the table has under a name.
    func entry(_ name: String) -> BoundRoute? { state.withLock { $0.bound[name] } }

    /// What is bound, sorted by route.
    public var bindings: [BoundResource] {
        state.withLock { state in state.bound.map { $1.described($0) } }.sorted { $0.route < $1.route }
    }

    /// Takes a route out of the table, and has a name that was not found looked for again; the next request looks for it anew. Gives
    /// whether it was bound.
    @discardableResult
    public func unbind(_ route: String) async -> Bool {
        let wasBound = state.withLock { state in
            state.refused.forget(route)
            state.trackers[route] = nil
            return state.bound.removeValue(forKey: route) != nil
        }
        await forgetRecord(of: route)
        return wasBound
    }

    /// The table as a resource: get of the root lists what is bound, get of a route describes it, put without a body unbinds it.
    public var table: any Resource { BindingTable(loader: self) }
}

/// See `Loader.table`.
private struct BindingTable: Resource {
    let loader: Loader

    func get(_ headers: Headers) async -> Reply {
        let (route, _) = RoutePath.split(headers.path)
        let bindings = loader.bindings
        guard !route.isEmpty else { return Reply(.json(.array(bindings.map(\.json))), type: "list") }
        return bindings.first { $0.route == route }.map { Reply(.json($0.json), type: "json") } ?? .notFound
    }

    func put(_ headers: Headers, _ body: Body) async -> Reply {
        let (route, _) = RoutePath.split(headers.path)
        guard body.isEmpty, !route.isEmpty else { return .condition(.invalid, "put nothing to a route to unbind it") }
        return await loader.unbind(route) ? Reply() : .notFound
    }
}
