public import RxModel
import RxPosix

/// Which tags of this store's own repositories a collection leaves: rules, of which the first that is for a repository decides. Without one
/// every tag stays.
///
/// Source: Specs/05-store, "Keeping".
public struct RetentionPolicy: Sendable, Equatable {
    /// The rules, in the order they are asked.
    public let rules: [RetentionRule]

    /// Puts rules together.
    public init(_ rules: [RetentionRule]) { self.rules = rules }

    /// Reads the value of `retention`. Throws `RegistryError` that names the place at fault.
    public init(parsing json: JSON) throws(RegistryError) {
        guard let entries = json.array else { throw RetentionPolicy.broken("retention must be an array of rules") }
        var rules: [RetentionRule] = []
        for (index, entry) in entries.enumerated() { rules.append(try RetentionRule(parsing: entry, at: "retention[\(index)]")) }
        self.rules = rules
    }

    /// The policy in the `config.json` of a store's folder; nil when there is none. Throws `RegistryError` for a broken one.
    public static func stored(in root: String) throws -> RetentionPolicy? {
        let path = "\(root)/config.json"
        guard try Files.status(path) != nil else { return nil }
        let json: JSON
        do { json = try JSON(parsing: try Files.read(path, limit: 1 << 20)) } catch let error as JSONError {
            throw RegistryError("\(path) is not JSON: \(error)", code: .invalidRequest, hint: "mend or delete it")
        }
        return try json["retention"].map { try RetentionPolicy(parsing: $0) }
    }

    /// The rule that decides in a repository, with its number; nil when none is for it.
    public func rule(for repository: String) -> (index: Int, rule: RetentionRule)? {
        let segments = repository.utf8.split(separator: UInt8(ascii: "/")).map { ArraySlice($0) }
        return rules.enumerated().first { $0.element.isFor(segments) }.map { ($0.offset, $0.element) }
    }

    static func broken(_ message: String, hint: String? = nil) -> RegistryError {
        RegistryError("config.json: \(message)", code: .invalidRequest, hint: hint ?? "nothing was deleted; mend the file first")
    }
}

/// Which tags stay in the repositories that its patterns match: those that any of its conditions keeps.
public struct RetentionRule: Sendable, Equatable {
    /// The patterns for repositories, as they were written.
    public let repositories: [String]
    /// So many tags that were put last stay.
    public let keepLast: Int?
    /// Tags that were put less than so many seconds ago stay.
    public let keepNewer: Int?
    /// Tags that one of these patterns matches stay, as they were written.
    public let keepTags: [String]
    private let repositoryGlobs: [PathGlob]
    private let tagGlobs: [Glob]

    private static let keys = ["repositories", "keepLast", "keepNewer", "keepTags"]

    /// Reads one rule; `place` names it in errors.
    init(parsing json: JSON, at place: String) throws(RegistryError) {
        guard let members = json.object else { throw RetentionPolicy.broken("\(place) must be an object") }
        if let key = members.keys.filter({ !RetentionRule.keys.contains($0) && !$0.hasPrefix("//") }).min() {
            throw RetentionPolicy.broken(
                "\(place) has an unknown key \"\(key)\"",
                hint: Nearest.word(to: key, among: RetentionRule.keys).map { "did you mean \"\($0)\"?" }
                    ?? "the keys are \(RetentionRule.keys.joined(separator: ", "))")
        }
        repositories = try RetentionRule.texts(members["repositories"] ?? .null, "\(place).repositories")
        keepTags = try members["keepTags"].map { value throws(RegistryError) in try RetentionRule.texts(value, "\(place).keepTags") } ?? []
        repositoryGlobs = try RetentionRule.globs(repositories, "\(place).repositories") { PathGlob(Array($0.utf8)) }
        tagGlobs = try RetentionRule.globs(keepTags, "\(place).keepTags") { Glob($0.utf8) }
        keepLast = members["keepLast"]?.int
        if let value = members["keepLast"], value.int.map({ $0 < 1 }) ?? true {
            throw RetentionPolicy.broken("\(place).keepLast must be a whole number, 1 or more")
        }
        keepNewer = members["keepNewer"]?.string.flatMap { TimeSpan.seconds($0) }
        if let value = members["keepNewer"], value.string.flatMap({ TimeSpan.seconds($0) }).map({ $0 < 1 }) ?? true {
            throw RetentionPolicy.broken("\(place).keepNewer must be a duration such as \"12h\" or \"30d\"")
        }
        guard keepLast != nil || keepNewer != nil || !keepTags.isEmpty else {
            throw RetentionPolicy.broken(
                "\(place) would keep nothing: it needs keepLast, keepNewer or keepTags", hint: "\"keepTags\": [\"*\"] keeps everything")
        }
    }

    /// Whether it is for a repository, given as its segments.
    func isFor(_ segments: [ArraySlice<UInt8>]) -> Bool { repositoryGlobs.contains { $0.matches(segments) } }

    /// Whether a pattern keeps a tag of this name.
    func keeps(named tag: String) -> Bool {
        let name = ArraySlice(tag.utf8)
        return tagGlobs.contains { $0.matches(name) }
    }

    /// Whether a tag put then is new enough to stay.
    func keeps(putAt updatedAt: Int, now: Int) -> Bool { keepNewer.map { updatedAt > now - $0 } ?? false }

    private static func texts(_ json: JSON, _ place: String) throws(RegistryError) -> [String] {
        guard let values = json.array, !values.isEmpty, case let texts = values.compactMap(\.string), texts.count == values.count else {
            throw RetentionPolicy.broken("\(place) must be an array of patterns that is not empty")
        }
        return texts
    }

    private static func globs<Value>(_ texts: [String], _ place: String, _ read: (String) -> Value?) throws(RegistryError) -> [Value] {
        var globs: [Value] = []
        for (index, text) in texts.enumerated() {
            guard !text.isEmpty, let glob = read(text) else {
                throw RetentionPolicy.broken(
                    "\(place)[\(index)] is not a pattern: \"\(text)\"", hint: "a pattern is like team/*, ci/** or v[0-9]*")
            }
            globs.append(glob)
        }
        return globs
    }
}

/// A tag that no condition of its rule keeps.
public struct ExpiredTag: Sendable, Equatable {
    /// The tag.
    public let reference: Reference
    /// The manifest that it names.
    public let manifest: Digest
    /// When it was last put, in seconds since 1970.
    public let updatedAt: Int
    /// The number of the rule in the configuration, from 0.
    public let rule: Int
    /// Why the rule does not keep it, in words.
    public let reason: String
    /// Its place in the order of puts.
    let seq: Int

    /// For programs.
    public var json: JSON {
        .members([
            "locator": .string(reference.description), "manifestDigest": .string(manifest.description), "rule": .integer(rule),
            "reason": .string(reason),
        ])
    }
}
