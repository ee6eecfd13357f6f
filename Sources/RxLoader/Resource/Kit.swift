/// What a resource may reach: it has no other way out. Different kits are different worlds. Source: Specs/15-loader, LOD-008.
public final class Kit: Resource {
    /// The names of what it reaches: the first segments of the paths that it takes.
    public let capabilities: Set<String>
    private let reached: any Resource
    /// Whether a name that is not among the capabilities is refused here; else what is behind answers.
    private let isFenced: Bool

    /// Reaches these resources, each by its name.
    public init(_ resources: [String: any Resource] = [:]) {
        capabilities = Set(resources.keys)
        reached = Router(resources)
        isFenced = false
    }

    /// Reaches `capabilities` of a resource; everything else in it is forbidden.
    public init(_ capabilities: Set<String>, of resource: any Resource) {
        self.capabilities = capabilities
        reached = resource
        isFenced = true
    }

    /// The same kit, reaching no more than these; everything else is forbidden.
    public func only(_ names: Set<String>) -> Kit { Kit(capabilities.intersection(names), of: self) }

    /// Those of `names` that it does not reach, sorted.
    public func missing(_ names: Set<String>) -> [String] { names.subtracting(capabilities).sorted() }

    public func get(_ headers: Headers) async -> Reply {
        if let refusal = refusal(headers) { return refusal }
        return await reached.get(headers)
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        if let refusal = refusal(headers) { return refusal }
        return await reached.put(headers, body)
    }

    private func refusal(_ headers: Headers) -> Reply? {
        guard isFenced, case let name = RoutePath.split(headers.path).segment, !capabilities.contains(name) else { return nil }
        return .condition(.forbidden, "the kit does not reach /\(name)")
    }
}
