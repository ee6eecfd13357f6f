public import RxModel

/// What a request says beside its body. Source: Specs/15-loader, LOD-001.
public struct Headers: Sendable {
    /// Where the request still has to go: segments with `/` in front of each, written as in a URL; `/` when nothing is left.
    public var path: String
    /// What bindings on the way made of segments (see `PathBinding`).
    public var params: [String: String]
    /// What the resource that answers may reach; nil for nothing.
    public var kit: Kit?
    /// The kind of request or body, where the resource asks for one.
    public var type: String?
    /// Who asks, where the transport knows it.
    public var peer: String?
    /// Every other header.
    public var others: [String: JSON]

    /// Asks for a path.
    public init(
        _ path: String = "/", params: [String: String] = [:], kit: Kit? = nil, type: String? = nil, peer: String? = nil,
        others: [String: JSON] = [:]
    ) {
        self.path = path
        self.params = params
        self.kit = kit
        self.type = type
        self.peer = peer
        self.others = others
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
