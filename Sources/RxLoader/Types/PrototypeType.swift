import RxModel

/// Instructions that set something up, as a JSON array of `{"op": ..., "args": ...}`.
///
/// How rx reads the contract's rule:
/// - The array is in `prototype.json` (what the detector looks for); a resource that was declared a prototype in its resource.json
///   may have it in `content`, like the other types.
/// - Each element is an object with a string `op`. `args` may be absent or any value; other members are kept as they are.
/// - In `args`, at any depth, each string value (not a key) that starts with `@` is replaced by the text of the file that the rest
///   of it names, a path from the resource's root. The text is not looked at again: what a file holds is never an instruction.
/// - The result is `{"id": <the locator's text as the caller gives it>, "instructions": [...]}`.
public struct PrototypeType: ResourceType {
    /// `prototype`.
    public let name = "prototype"

    /// Makes the type.
    public init() {}

    /// The instructions. Throws `ContentError` for another shape and "Referenced file not found: X".
    public func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
        let other = FilePath(unchecked: "content")
        let own = FilePath(unchecked: "prototype.json")
        let path = try !content.has(own) && content.has(other) ? other : content.required(own.text, type: name)
        func fail(_ reason: String) -> ContentError { ContentError("\(content.locator): file \(FilePath.quoted(path.text)): \(reason)") }

        guard let elements = try content.json(path).array else {
            throw fail("a prototype is an array of objects with \"op\" and \"args\"")
        }
        var files = ReferencedFiles(content)
        var instructions: [JSON] = []
        for (index, element) in elements.enumerated() {
            guard case .object(var members) = element, members["op"]?.string != nil else {
                throw fail("instruction \(index) has no \"op\"")
            }
            if let args = members["args"] { members["args"] = try files.expand(args) }
            instructions.append(.object(members))
        }
        return .json(.members(["id": .string(content.locator), "instructions": .array(instructions)]))
    }
}

/// Puts files' texts in the place of `@` references; reads each file once.
private struct ReferencedFiles {
    private let content: any ResourceContent
    private var texts: [FilePath: String] = [:]
    private var total = 0

    init(_ content: any ResourceContent) { self.content = content }

    mutating func expand(_ value: JSON) throws -> JSON {
        switch value {
        case .string(let text) where text.utf8.first == UInt8(ascii: "@"): return .string(try self.text(String(text.dropFirst())))
        case .array(let values):
            var out: [JSON] = []
            for value in values { out.append(try expand(value)) }
            return .array(out)
        case .object(let members):
            var out: [String: JSON] = [:]
            for (key, value) in members { out[key] = try expand(value) }
            return .object(out)
        default: return value
        }
    }

    private mutating func text(_ name: String) throws -> String {
        guard let path = try? FilePath(parsing: name), content.has(path) else {
            throw ContentError("Referenced file not found: \(name)", code: .notFound)
        }
        let text = try texts[path] ?? content.text(path)
        texts[path] = text
        total += text.utf8.count
        guard total <= renderLimit else {
            throw ContentError("\(content.locator): its files' texts are more than \(renderLimit) bytes together", code: .contentTooLarge)
        }
        return text
    }
}
