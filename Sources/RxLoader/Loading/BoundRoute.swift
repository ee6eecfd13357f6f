public import RxModel
import Synchronization

/// A route that is bound, as a loader tells of it.
public struct BoundResource: Sendable, Equatable {
    /// The route's name.
    public let route: String
    /// What was asked for.
    public let asked: Locator
    /// Where it is stored.
    public let locator: Locator
    /// The digest of its manifest.
    public let digest: Digest
    /// Its type, as its definition has it.
    public let type: String
    /// What it needs of a kit, sorted.
    public let requires: [String]
    /// How many requests it has answered since it was bound.
    public let uses: Int

    /// The same as JSON.
    public var json: JSON {
        .members([
            "route": .string(route), "asked": .string(asked.description), "locator": .string(locator.description),
            "digest": .string(digest.description), "type": .string(type),
            "requires": requires.isEmpty ? nil : .array(requires.map { .string($0) }), "uses": .integer(uses),
        ])
    }
}

/// One entry of a loader's table.
final class BoundRoute: Sendable {
    let asked: Locator
    let stored: StoredResource
    let requires: Set<String>
    private let target: any Resource
    private let uses: Atomic<Int>

    /// Binds a resource by its type. Throws `ResourceTypeError` for one that is not known, `DefinitionError` for a `requires` that is no
    /// list of texts.
    init(_ stored: StoredResource, asked: Locator, types: TypeRegistry, disk: BlockingWork, network: BlockingWork, uses: Int = 0) throws {
        self.asked = asked
        self.stored = stored
        self.uses = Atomic(uses)
        requires = try BoundRoute.requires(stored.manifest.definition)
        let type = try types.type(named: stored.manifest.definition.type)
        let content = ManifestContent(stored, network: network)
        target = try (type as? any BindingType)?.bind(content, disk: disk) ?? RenderedResource(content, type: type, disk: disk)
    }

    private static func requires(_ definition: Definition) throws(DefinitionError) -> Set<String> {
        guard let value = definition.members["requires"] else { return [] }
        guard let names = value.array, case let texts = names.compactMap(\.string), texts.count == names.count else {
            throw DefinitionError("requires must be an array of strings", field: "requires")
        }
        return Set(texts)
    }

    /// The answer for a kit that lacks what the resource needs; nil when it lacks nothing.
    func refusal(_ kit: Kit?) -> Reply? {
        guard case let missing = kit?.missing(requires) ?? requires.sorted(), !missing.isEmpty else { return nil }
        let names = missing.joined(separator: ", ")
        return .condition(
            .forbidden, "\(stored.locator) requires \(names), which the kit does not reach; pass a kit that does",
            others: ["missing": .array(missing.map { .string($0) })])
    }

    @inline(__always)
    func get(_ headers: Headers) async -> Reply {
        if !requires.isEmpty, let refusal = refusal(headers.kit) { return refusal }
        uses.wrappingAdd(1, ordering: .relaxed)
        return await target.get(headers)
    }

    @inline(__always)
    func put(_ headers: Headers, _ body: Body) async -> Reply {
        if !requires.isEmpty, let refusal = refusal(headers.kit) { return refusal }
        uses.wrappingAdd(1, ordering: .relaxed)
        return await target.put(headers, body)
    }

    /// What the loader tells of it.
    func described(_ route: String) -> BoundResource {
        BoundResource(
            route: route, asked: asked, locator: stored.locator, digest: stored.digest, type: stored.manifest.definition.type,
            requires: requires.sorted(), uses: uses.load(ordering: .relaxed))
    }
}
