/// Passes readings on and refuses writings. Source: Specs/15-loader, LOD-014.
public struct ReadOnly: Resource {
    private let resource: any Resource

    /// Guards `resource`.
    public init(_ resource: any Resource) { self.resource = resource }

    public func get(_ headers: Headers) async -> Reply { await resource.get(headers) }

    public func put(_ headers: Headers, _ body: Body) async -> Reply { .condition(.readOnly, "\(headers.path) can only be read") }
}

/// Refuses requests, all or some. Source: Specs/15-loader, LOD-014.
public struct Forbidden: Resource {
    private let resource: (any Resource)?
    private let message: String
    private let isForbidden: @Sendable (Headers) -> Bool

    /// Refuses everything.
    public init(_ message: String = "this is not allowed") {
        resource = nil
        self.message = message
        isForbidden = { _ in true }
    }

    /// Refuses the requests to `resource` that `when` says yes to.
    public init(_ resource: any Resource, _ message: String = "this is not allowed", when: @escaping @Sendable (Headers) -> Bool) {
        self.resource = resource
        self.message = message
        isForbidden = when
    }

    public func get(_ headers: Headers) async -> Reply {
        guard let resource, !isForbidden(headers) else { return .condition(.forbidden, message) }
        return await resource.get(headers)
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let resource, !isForbidden(headers) else { return .condition(.forbidden, message) }
        return await resource.put(headers, body)
    }
}
