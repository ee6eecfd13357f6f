import Synchronization

/// What picks a route: the name it is looked up by, and the headers that its resource gets.
public struct RouteKey: Sendable {
    /// Gives the name, and what makes of the headers those that the route's resource gets.
    let split: @Sendable (Headers) -> (name: String, rest: Rest)

    /// What a route's resource gets.
    enum Rest {
        /// The same headers with another path; they are made when there is such a route.
        case path(String)
        case headers(Headers)
    }

    private init(parts split: @escaping @Sendable (Headers) -> (name: String, rest: Rest)) { self.split = split }

    /// Picks by a function of the host program.
    public init(_ split: @escaping @Sendable (Headers) -> (name: String, inner: Headers)) {
        self.init(parts: { headers in
            let (name, inner) = split(headers)
            return (name, .headers(inner))
        })
    }

    /// The first segment of the path; the resource gets the rest.
    public static let firstSegment = RouteKey(parts: { headers in
        let (segment, rest) = RoutePath.split(headers.path)
        return (segment, .path(rest))
    })

    /// The text of a header, "" when there is none; the resource gets the headers as they are.
    public static func header(_ name: String) -> RouteKey { RouteKey { ($0.text(of: name) ?? "", $0) } }
}

/// Passes each request on to the resource of its route. Source: Specs/15-loader, LOD-005 and LOD-006.
///
/// Routes may be added and removed while requests run.
public final class Router: Resource {
    private struct Routes {
        var named: [String: any Resource]
        var unknown: (any Resource)?
    }

    private let key: RouteKey
    private let routes: Mutex<Routes>

    /// Knows these routes; the one named "" is the root. `unknown` gets every request that none of them takes, whole and unchanged.
    public init(_ named: [String: any Resource] = [:], unknown: (any Resource)? = nil, key: RouteKey = .firstSegment) {
        self.key = key
        routes = Mutex(Routes(named: named, unknown: unknown))
    }

    /// The resource of a route; nil for none.
    public subscript(name: String) -> (any Resource)? {
        get { routes.withLock { $0.named[name] } }
        set { routes.withLock { $0.named[name] = newValue } }
    }

    /// What gets the requests that no named route takes.
    public var unknown: (any Resource)? {
        get { routes.withLock { $0.unknown } }
        set { routes.withLock { $0.unknown = newValue } }
    }

    /// The names of the routes, sorted.
    public var names: [String] { routes.withLock { $0.named.keys.sorted() } }

    public func get(_ headers: Headers) async -> Reply {
        guard let (target, headers) = target(headers) else { return .notFound }
        return await target.get(headers)
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let (target, headers) = target(headers) else { return .notFound }
        return await target.put(headers, body)
    }

    private func target(_ headers: Headers) -> (any Resource, Headers)? {
        let (name, rest) = key.split(headers)
        let (named, unknown) = routes.withLock { routes -> ((any Resource)?, (any Resource)?) in
            if let target = routes.named[name] { (target, nil) } else { (nil, routes.unknown) }
        }
        guard let named else { return unknown.map { ($0, headers) } }
        switch rest {
        case .headers(let inner): return (named, inner)
        case .path(let path):
            var inner = headers
            inner.path = path
            return (named, inner)
        }
    }
}

/// Moves the first segment of the path into a parameter. Source: Specs/15-loader, LOD-007.
public struct PathBinding: Resource {
    private let name: String
    private let target: any Resource

    /// Calls the segment `name` and passes the rest on to `target`.
    public init(_ name: String, _ target: any Resource) {
        self.name = name
        self.target = target
    }

    public func get(_ headers: Headers) async -> Reply {
        guard let inner = inner(headers) else { return .notFound }
        return await target.get(inner)
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let inner = inner(headers) else { return .notFound }
        return await target.put(inner, body)
    }

    /// Nil when there is no segment to bind.
    private func inner(_ headers: Headers) -> Headers? {
        let (segment, rest) = RoutePath.split(headers.path)
        guard !segment.isEmpty else { return nil }
        var inner = headers
        inner.path = rest
        inner.params[name] = segment
        return inner
    }
}
