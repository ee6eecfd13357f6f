/// The modules that a resource provides, by language: the key `provides` of its definition.
///
/// Source: Specs/02-definition, "What a resource provides".
public struct Provides: Sendable, Equatable {
    /// The most languages.
    package static let languageLimit = 16
    /// The most modules of one language.
    package static let moduleLimit = 64

    /// Module names by language, in the order they were given.
    public let modules: [String: [String]]

    /// Nothing.
    public init() { modules = [:] }

    /// Checks the value of the key; what is absent provides nothing. Throws `DefinitionError` naming the place.
    public init(_ json: JSON?) throws(DefinitionError) {
        guard let json else {
            modules = [:]
            return
        }
        guard let members = json.object else { throw Provides.error(" must be an object of arrays of module names") }
        guard members.count <= Provides.languageLimit else {
            throw Provides.error(" must name at most \(Provides.languageLimit) languages")
        }
        var modules: [String: [String]] = [:]
        // In one order, so that the same definition is always refused for the same reason.
        for (language, value) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            do { try ModuleName.check(language: language) } catch { throw Provides.error(": \(error.message)") }
            modules[language] = try Provides.names(value, of: language)
        }
        self.modules = modules
    }

    private static func names(_ json: JSON, of language: String) throws(DefinitionError) -> [String] {
        guard let values = json.array, 1...moduleLimit ~= values.count else {
            throw error(".\(language) must be an array of 1 to \(moduleLimit) module names")
        }
        var names: [String] = []
        for (index, value) in values.enumerated() {
            guard let name = value.string else { throw error(".\(language)[\(index)] must be a string") }
            if let fault = ModuleName.fault(in: name, of: language) { throw error(".\(language)[\(index)] \(fault)") }
            guard !names.contains(name) else { throw error(".\(language)[\(index)] is there twice") }
            names.append(name)
        }
        return names
    }

    private static func error(_ text: String) -> DefinitionError {
        DefinitionError("provides\(text)", field: "provides")
    }

    /// Whether it is nothing.
    public var isEmpty: Bool { modules.isEmpty }

    /// Every module, by language and in the order given.
    public var names: [ModuleName] {
        modules.sorted { $0.key < $1.key }.flatMap { language, names in names.map { ModuleName(unchecked: language, $0) } }
    }

    /// The object as JSON.
    public var json: JSON { .object(modules.mapValues { .array($0.map { .string($0) }) }) }
}
