public import RxModel

/// What a resource gives to the one who uses it.
public enum Rendering {
    /// Text for people and models, as it is.
    case text(String)
    /// Bytes as they are, read once, in pieces.
    case bytes(any ByteSource)
    /// A JSON value.
    case json(JSON)
}

/// A type of resource: how its files become what a user sees.
public protocol ResourceType: Sendable {
    /// The name that a definition's `type` holds.
    var name: String { get }
    /// Other names for the same type.
    var aliases: [String] { get }
    /// Whether its files are used one by one, so that a resource may be bound while only its manifest is here.
    var isPartial: Bool { get }
    /// Reads the resource. `argument` is what the user wrote behind the locator; a type that knows no arguments passes it over.
    /// Throws a `ResourceError`.
    func render(_ content: any ResourceContent, argument: String?) throws -> Rendering
}

extension ResourceType {
    /// None.
    public var aliases: [String] { [] }
    /// False: all files are here when the resource is bound.
    public var isPartial: Bool { false }
}

/// The types that are known, by name and alias. Source: Specs/10-sources.
public struct TypeRegistry: Sendable {
    /// The types that rx comes with.
    public static let standard: [any ResourceType] = [
        TextType(), JSONType(), BinaryType(), SkillType(), PrototypeType(), ModuleType(),
    ]

    private var types: [String: any ResourceType] = [:]

    /// Knows `types`, by default text, json, binary, skill, prototype and module.
    public init(_ types: [any ResourceType] = TypeRegistry.standard) {
        for type in types { for name in [type.name] + type.aliases { self.types[name] = type } }
    }

    /// Adds a type. Throws `ResourceTypeError` "Type 'X' is already registered", and adds nothing, when its name or an alias is taken.
    public mutating func register(_ type: any ResourceType) throws(ResourceTypeError) {
        for name in [type.name] + type.aliases where types[name] != nil {
            throw ResourceTypeError("Type '\(name)' is already registered", code: .invalidRequest)
        }
        for name in [type.name] + type.aliases { types[name] = type }
    }

    /// The type of a name or alias. Throws `ResourceTypeError` "Unsupported resource type: X".
    public func type(named name: String) throws(ResourceTypeError) -> any ResourceType {
        guard let type = types[name] else { throw ResourceTypeError("Unsupported resource type: \(name)") }
        return type
    }

    /// Whether the files of resources of a type are used one by one; false for a type that is not known.
    public func isPartial(_ name: String) -> Bool { types[name]?.isPartial ?? false }

    /// The names of the types, without aliases, sorted.
    public var names: [String] { Set(types.values.map(\.name)).sorted() }

    /// Reads a resource by the type that its definition names. Throws a `ResourceError`.
    public func render(_ content: any ResourceContent, type: String, argument: String? = nil) throws -> Rendering {
        try self.type(named: type).render(content, argument: argument)
    }
}
