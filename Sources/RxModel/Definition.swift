/// What a resource says of itself: the object in resource.json (RXD). Unknown keys are kept.
///
/// Source: Specs/02-definition.
public struct Definition: Sendable, Equatable {
    /// The name of the file that holds one, in a folder or an archive.
    public static let fileName = "resource.json"

    /// Every key, as it was given.
    public let members: [String: JSON]

    /// Checks the known keys of an object. Throws `DefinitionError` naming the key at fault.
    public init(_ json: JSON) throws(DefinitionError) { try self.init(json, isStored: false) }

    /// The same; in what was stored before, what it provides may be anything (DEF-119).
    package init(_ json: JSON, isStored: Bool) throws(DefinitionError) {
        guard case .object(let members) = json else { throw DefinitionError("definition must be an object") }
        self.members = members
        for rule in DefinitionRule.strings { try rule.check(members) }
        try DefinitionRule.checkKeywords(members["keywords"])
        if !isStored { _ = try Provides(members["provides"]) }
        guard LocatorGrammar.isSegment(name), name.isComposed else {
            throw DefinitionError("name \"\(name)\" cannot be used in a locator", field: "name")
        }
        if let tag, !LocatorGrammar.isTag(tag) {
            throw DefinitionError(
                "tag \"\(tag)\" is not valid: use letters, digits, '_', '.' and '-', the first a letter, digit or '_'", field: "tag")
        }
        if let path,
            !path.isComposed
                || !path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy({
                    LocatorGrammar.isSegment(String(Substring($0)))
                })
        {
            throw DefinitionError("path \"\(path)\" cannot be used in a locator", field: "path")
        }
        // The whole name must also parse, with every part in its place: a first path segment such as `a.b` would read as a host.
        let repository = path.map { "\($0)/\(name)" } ?? name
        guard let locator = try? Locator(parsing: "\(repository):\(tag ?? Locator.latest)"), locator.registry == nil else {
            throw DefinitionError("path and name \"\(repository)\" do not form a locator", field: path == nil ? "name" : "path")
        }
    }

    /// What was checked, or made by rx, before.
    package init(unchecked members: [String: JSON]) { self.members = members }

    /// Reads resource.json. Throws `DefinitionError`.
    public init(parsing bytes: [UInt8]) throws(DefinitionError) { try self.init(parsing: bytes, isStored: false) }

    /// Reads one out of a manifest, where `isStored`, or resource.json.
    package init(parsing bytes: [UInt8], isStored: Bool) throws(DefinitionError) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw DefinitionError("definition is not JSON: \(error)") }
        try self.init(json, isStored: isStored)
    }

    /// The resource's name.
    public var name: String { members["name"]!.string! }
    /// The resource's type.
    public var type: String { members["type"]!.string! }
    /// The tag, from `tag` or its alias `version`.
    public var tag: String? { members["tag"]?.string ?? members["version"]?.string }
    /// The segments in front of the name.
    public var path: String? { members["path"]?.string }
    /// The registry it belongs to; kept, never followed.
    public var registry: String? { members["registry"]?.string }
    /// One line or more for people.
    public var description: String? { members["description"]?.string }
    /// Words to find it by.
    public var keywords: [String] { members["keywords"]?.array?.compactMap(\.string) ?? [] }

    /// The modules that it provides; none where the key is absent or, in what was stored before, not valid.
    public var provides: Provides { (try? Provides(members["provides"])) ?? Provides() }

    /// The object as JSON.
    public var json: JSON { .object(members) }

    /// Where the resource is stored when nothing else is said: its path, name, and tag or `latest`.
    public var locator: Locator { Locator(path: path, name: name, tag: tag ?? Locator.latest) }
}

/// The length rule of one string key.
struct DefinitionRule {
    let key: String
    let limit: Int
    var required = false

    static let strings = [
        DefinitionRule(key: "name", limit: 128, required: true), DefinitionRule(key: "type", limit: 64, required: true),
        DefinitionRule(key: "tag", limit: 64), DefinitionRule(key: "version", limit: 64), DefinitionRule(key: "registry", limit: 256),
        DefinitionRule(key: "path", limit: 256), DefinitionRule(key: "repository", limit: 256),
        DefinitionRule(key: "description", limit: 1024), DefinitionRule(key: "author", limit: 128),
        DefinitionRule(key: "license", limit: 64),
    ]

    func check(_ members: [String: JSON]) throws(DefinitionError) {
        guard let value = members[key] else {
            if required { throw DefinitionError("\(key) is required", field: key, code: .missingRequiredFields) }
            return
        }
        guard let text = value.string else { throw DefinitionError("\(key) must be a string", field: key) }
        if required, text.isEmpty { throw DefinitionError("\(key) must not be empty", field: key, code: .missingRequiredFields) }
        guard text.unicodeScalars.count <= limit else { throw DefinitionError("\(key) must be at most \(limit) characters", field: key) }
    }

    static func checkKeywords(_ value: JSON?) throws(DefinitionError) {
        guard let value else { return }
        guard let words = value.array, words.allSatisfy({ $0.string != nil }) else {
            throw DefinitionError("keywords must be an array of strings", field: "keywords")
        }
        guard words.count <= 20 else { throw DefinitionError("keywords must be at most 20", field: "keywords") }
        guard words.allSatisfy({ $0.string!.unicodeScalars.count <= 64 }) else {
            throw DefinitionError("each of keywords must be at most 64 characters", field: "keywords")
        }
    }
}
