public import RxModel

/// What a request says beside its body. Source: Specs/15-loader, LOD-001.
public struct Headers: Sendable {
    /// What most requests say nothing of: in one place, so that the headers are small to pass on.
    private struct Details: Sendable {
        var params: [String: String] = [:]
        var type: String?
        var peer: String?
        var others: [String: JSON] = [:]
    }

    private final class Shared: Sendable {
        let details: Details
        init(_ details: Details) { self.details = details }
    }

    /// Where the request still has to go: segments with `/` in front of each, written as in a URL; `/` when nothing is left.
    public var path: String
    /// What the resource that answers may reach; nil for nothing.
    public var kit: Kit?
    private var shared: Shared?

    private var details: Details {
        get { shared?.details ?? Details() }
        set { shared = Shared(newValue) }
    }

    /// What bindings on the way made of segments (see `PathBinding`).
    public var params: [String: String] {
        get { shared?.details.params ?? [:] }
        set { details.params = newValue }
    }

    /// The kind of request or body, where the resource asks for one.
    public var type: String? {
        get { shared?.details.type }
        set { details.type = newValue }
    }

    /// Who asks, where the transport knows it.
    public var peer: String? {
        get { shared?.details.peer }
        set { details.peer = newValue }
    }

    /// Every other header.
    public var others: [String: JSON] {
        get { shared?.details.others ?? [:] }
        set { details.others = newValue }
    }

    /// Asks for a path.
    public init(
        _ path: String = "/", params: [String: String] = [:], kit: Kit? = nil, type: String? = nil, peer: String? = nil,
        others: [String: JSON] = [:]
    ) {
        self.path = path
        self.kit = kit
        guard !params.isEmpty || type != nil || peer != nil || !others.isEmpty else { return }
        shared = Shared(Details(params: params, type: type, peer: peer, others: others))
    }

    /// The text of a header by its name on the wire: `path`, `type`, `peer`, or a string among the others.
    public func text(of name: String) -> String? {
        switch name {
        case "path": path
        case "type": type
        case "peer": peer
        default: others[name]?.string
        }
    }

    /// Reads from the kit. Without a kit nothing is reached: condition `forbidden`.
    public func reach(_ path: String) async -> Reply {
        guard let kit else { return .condition(.forbidden, "no kit: \(path) cannot be reached") }
        return await kit.get(Headers(path, peer: peer))
    }

    /// Writes to the kit. Without a kit nothing is reached: condition `forbidden`.
    public func reach(_ path: String, put body: Body) async -> Reply {
        guard let kit else { return .condition(.forbidden, "no kit: \(path) cannot be reached") }
        return await kit.put(Headers(path, peer: peer), body)
    }
}
