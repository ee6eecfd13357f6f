/// The one name of a resource: `[registry/][path/]name[:tag][@digest]`.
///
/// Source: Specs/01-locator; the RXL text of ResourceX.
public struct Locator: Hashable, Sendable, CustomStringConvertible {
    /// The tag that is meant when none is written.
    public static let latest = "latest"

    /// The registry's host, with its port when one is written; nil for a bare locator.
    public let registry: String?
    /// The segments between registry and name, joined by `/`; nil when there are none.
    public let path: String?
    /// The resource's name, one segment.
    public let name: String
    /// The tag; `latest` when none is written.
    public let tag: String
    /// The digits after `@sha256:`, 1 to 64 of them; nil when no digest is written.
    public let digestPrefix: String?

    /// Makes a locator of parts that were checked already, by a definition or another locator.
    package init(registry: String? = nil, path: String?, name: String, tag: String = latest, digestPrefix: String? = nil) {
        self.registry = registry
        self.path = path
        self.name = name
        self.tag = tag
        self.digestPrefix = digestPrefix
    }

    /// Path and name: what a store or registry files the resource under.
    public var repository: String { path.map { "\($0)/\(name)" } ?? name }

    /// The whole digest, or nil when none is written or it is shortened.
    public var digest: Digest? { digestPrefix.flatMap { Digest(hex: $0) } }

    /// The shortest text that parses to this locator: `:latest` is left out.
    public var description: String {
        var text = registry.map { "\($0)/" } ?? ""
        text += repository
        if tag != Locator.latest { text += ":\(tag)" }
        if let digestPrefix { text += "@sha256:\(digestPrefix)" }
        return text
    }

    /// The same resource under another registry, or under none.
    public func at(registry: String?) -> Locator {
        Locator(registry: registry, path: path, name: name, tag: tag, digestPrefix: digestPrefix)
    }

    /// The same resource with another tag and no digest.
    public func tagged(_ tag: String) -> Locator { Locator(registry: registry, path: path, name: name, tag: tag) }

    /// The same resource, pinned to this digest.
    public func pinned(to digest: Digest) -> Locator {
        Locator(registry: registry, path: path, name: name, tag: tag, digestPrefix: digest.hex)
    }
}
