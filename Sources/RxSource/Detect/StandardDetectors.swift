import RxModel

/// A folder with a definition of its own, resource.json, which is left out of the content.
public struct ResourceJSONDetector: Detector {
    /// Makes the detector.
    public init() {}

    /// resource.json.
    public var reads: [String] { [Definition.fileName] }

    /// Throws `DefinitionError` for a definition that breaks a rule.
    public func detect(_ candidate: SourceCandidate) throws -> Detection? {
        guard let bytes = try candidate.bytes(of: Definition.fileName) else { return nil }
        do {
            return Detection(definition: try Definition(parsing: bytes), metadata: [FilePath(unchecked: Definition.fileName)])
        } catch let error {
            throw DefinitionError("\(Definition.fileName): \(error.message)", field: error.field, code: error.code)
        }
    }
}

/// A skill: a folder with SKILL.md. Its name is the folder's, its description the first heading.
public struct SkillDetector: Detector {
    /// The skill's main file.
    public static let fileName = "SKILL.md"

    /// Makes the detector.
    public init() {}

    /// SKILL.md.
    public var reads: [String] { [SkillDetector.fileName] }

    /// Throws `DefinitionError` when the folder's name cannot become a resource's name.
    public func detect(_ candidate: SourceCandidate) throws -> Detection? {
        guard let bytes = try candidate.bytes(of: SkillDetector.fileName) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        let heading = firstHeading(ofMarkdown: text).map(shortened)
        let definition = try definition(type: "skill", folder: candidate.name, description: heading, because: SkillDetector.fileName)
        return Detection(definition: definition)
    }
}

/// A prototype: a folder with prototype.json. Its name is the folder's.
public struct PrototypeDetector: Detector {
    /// The prototype's main file.
    public static let fileName = "prototype.json"

    /// Makes the detector.
    public init() {}

    /// prototype.json.
    public var reads: [String] { [PrototypeDetector.fileName] }

    /// Throws `DefinitionError` when the folder's name cannot become a resource's name.
    public func detect(_ candidate: SourceCandidate) throws -> Detection? {
        guard candidate.has(PrototypeDetector.fileName) else { return nil }
        return Detection(definition: try definition(type: "prototype", folder: candidate.name, because: PrototypeDetector.fileName))
    }
}

/// The definition of a folder without resource.json.
private func definition(type: String, folder: String, description: String? = nil, because file: String) throws -> Definition {
    if let name = resourceName(ofFolder: folder) {
        let members = JSON.members(["name": .string(name), "type": .string(type), "description": description.map { .string($0) }])
        if let definition = try? Definition(members) { return definition }
    }
    throw DefinitionError(
        "the folder's name \(FilePath.quoted(folder)) cannot be a resource's name: add a resource.json with \"name\" and \"type\" beside \(file)",
        field: "name")
}

/// A folder's name as a resource's: in NFC, each run of what a locator may not hold as one `-`. Nil when nothing is left of it.
func resourceName(ofFolder folder: String) -> String? {
    var name = ""
    var gap = false
    for scalar in folder.composed.unicodeScalars {
        let dots = scalar == "." && (name.isEmpty || name.utf8.last == UInt8(ascii: "."))
        guard !dots, scalar == "." || LocatorGrammar.isSegment(String(scalar)) else {
            gap = true
            continue
        }
        if gap, !name.isEmpty { name.unicodeScalars.append("-") }
        gap = false
        name.unicodeScalars.append(scalar)
    }
    return name.isEmpty ? nil : name.composed
}

/// A text cut to what a description may hold.
private func shortened(_ text: String) -> String {
    let limit = 1024
    guard text.unicodeScalars.count > limit else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit - 1))) + "…"
}
