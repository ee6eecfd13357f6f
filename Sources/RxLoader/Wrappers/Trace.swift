import RxModel

/// One request and its answer, as `Trace` tells of it.
public struct TraceEntry: Sendable, CustomStringConvertible {
    /// `get` or `put`.
    public let method: String
    /// The path that was asked for.
    public let path: String
    /// Who asked, where that is known.
    public let peer: String?
    /// The answer's condition; nil for a good one.
    public let condition: Condition?
    /// How long the answer took.
    public let duration: Duration

    /// One line, such as `get "/hello" ok 0.120 ms`; no byte of the path can begin a line of its own.
    public var description: String {
        let (seconds, attoseconds) = duration.components
        let microseconds = Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
        let fraction = String(1000 + microseconds % 1000).dropFirst()
        let from = peer.map { " from \(JSON.string($0).text)" } ?? ""
        return "\(method) \(JSON.string(path).text)\(from) \(condition?.rawValue ?? "ok") \(microseconds / 1000).\(fraction) ms"
    }
}

/// Tells of each request. Source: Specs/15-loader, LOD-013.
public struct Trace: Resource {
    private let resource: any Resource
    private let time: TimeSource
    private let tell: @Sendable (TraceEntry) -> Void

    /// Calls `tell` after each answer, before it goes back.
    public init(_ resource: any Resource, time: TimeSource = .system, tell: @escaping @Sendable (TraceEntry) -> Void) {
        self.resource = resource
        self.time = time
        self.tell = tell
    }

    public func get(_ headers: Headers) async -> Reply { await told("get", headers) { await resource.get(headers) } }

    public func put(_ headers: Headers, _ body: Body) async -> Reply { await told("put", headers) { await resource.put(headers, body) } }

    private func told(_ method: String, _ headers: Headers, _ ask: () async -> Reply) async -> Reply {
        let start = time.now()
        let reply = await ask()
        let duration = time.now() - start
        tell(TraceEntry(method: method, path: headers.path, peer: headers.peer, condition: reply.condition, duration: duration))
        return reply
    }
}

/// Writes one line for each request. Source: Specs/15-loader, LOD-013.
public struct Logged: Resource {
    private let trace: Trace

    /// Calls `write` with the line, without a newline.
    public init(_ resource: any Resource, time: TimeSource = .system, write: @escaping @Sendable (String) -> Void) {
        trace = Trace(resource, time: time) { write($0.description) }
    }

    public func get(_ headers: Headers) async -> Reply { await trace.get(headers) }
    public func put(_ headers: Headers, _ body: Body) async -> Reply { await trace.put(headers, body) }
}
