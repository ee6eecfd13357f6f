import RxModel

/// Text in a file named `content`.
public struct TextType: ResourceType {
    /// `text`.
    public let name = "text"
    /// `txt`, `plaintext`.
    public let aliases = ["txt", "plaintext"]

    /// Makes the type.
    public init() {}

    /// The text as it is. Throws `ContentError` when it is no UTF-8.
    public func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
        .text(try content.text(content.required("content", type: name)))
    }
}

/// A JSON value in a file named `content`.
public struct JSONType: ResourceType {
    /// `json`.
    public let name = "json"
    /// `config`, `manifest`.
    public let aliases = ["config", "manifest"]

    /// Makes the type.
    public init() {}

    /// The value. Throws `ContentError` naming the resource's file when it is no JSON.
    public func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
        .json(try content.json(content.required("content", type: name)))
    }
}

/// Bytes of any kind and any number in a file named `content`.
public struct BinaryType: ResourceType {
    /// `binary`.
    public let name = "binary"
    /// `bin`, `blob`, `raw`.
    public let aliases = ["bin", "blob", "raw"]

    /// Makes the type.
    public init() {}

    /// The bytes, in pieces.
    public func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
        .bytes(try content.open(content.required("content", type: name)))
    }
}

/// A skill: instructions in SKILL.md, and more of them below `references/`.
public struct SkillType: ResourceType {
    /// `skill`.
    public let name = "skill"
    /// `agent-skill`.
    public let aliases = ["agent-skill"]

    /// Makes the type.
    public init() {}

    /// SKILL.md, or with an argument the file of that name below `references/`.
    public func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
        guard let argument else { return .text(try content.text(content.required("SKILL.md", type: name))) }
        let folder = "references/"
        guard let path = try? FilePath(parsing: folder + argument), content.has(path) else {
            let references = content.paths.filter { $0.text.hasPrefix(folder) }.map { $0.text.dropFirst(folder.count) }
            let available = references.isEmpty ? "none" : references.joined(separator: ", ")
            throw ResourceTypeError("Reference not found: \(argument). Available: \(available)", code: .notFound)
        }
        return .text(try content.text(path))
    }
}

extension ResourceContent {
    /// A file as JSON. Throws `ContentError` naming it.
    func json(_ path: FilePath) throws -> JSON {
        do {
            return try JSON(parsing: bytes(path))
        } catch let error as JSONError {
            throw ContentError("\(locator): file \(FilePath.quoted(path.text)) is not JSON: \(error)")
        }
    }
}
