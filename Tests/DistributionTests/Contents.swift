import Foundation
import RxCrypto
import RxModel
import RxTesting

/// The named bytes of one vector, and the texts that speak of them (Specs/11-distribution, "Vectors").
final class Contents {
    private let definitions: [String: JSON]
    private var bytes: [String: [UInt8]] = [:]
    private var long: [String: String] = [:]
    /// What `{NAME}` stands for: the repositories, and what earlier steps saved.
    var saved: [String: String]

    init(_ definitions: [String: JSON], saved: [String: String]) {
        self.definitions = Contents.common.merging(definitions) { $1 }
        self.saved = saved
    }

    /// What every vector has.
    private static let common: [String: JSON] = [
        "empty": "", "config": "{}", "layer": "a layer of {repo}", "none": "never uploaded, of {repo}",
        "image": .members([
            "json": .members([
                "schemaVersion": 2, "mediaType": .string(MediaTypes.image),
                "config": .members(["$": "config", "mediaType": "application/vnd.oci.empty.v1+json"]),
                "layers": [.members(["$": "layer", "mediaType": "application/octet-stream"])],
                "artifactType": "application/vnd.example.thing",
            ])
        ]),
        "index": .members([
            "json": .members([
                "schemaVersion": 2, "mediaType": .string(MediaTypes.index),
                "manifests": [.members(["$": "image", "mediaType": .string(MediaTypes.image)])],
            ])
        ]),
    ]

    /// The bytes of a content, given by name or in place.
    func content(_ value: JSON) throws -> [UInt8] {
        guard let name = value.string else { return try build(value) }
        return try named(name)
    }

    /// The bytes of a content of this vector.
    func named(_ name: String) throws -> [UInt8] {
        if let known = bytes[name] { return known }
        guard let definition = definitions[name] else { throw TableError("no content is named \(name)") }
        let built = try build(definition)
        bytes[name] = built
        return built
    }

    private func build(_ value: JSON) throws -> [UInt8] {
        if let text = value.string { return Array(try fill(text).utf8) }
        if let json = value["json"] { return try described(json).canonical }
        if let parts = value["join"]?.array {
            return try parts.flatMap { part in
                if let name = part.string, definitions[name] != nil { return try named(name) }
                return try build(part)
            }
        }
        if let text = value["base64"]?.string, let data = Data(base64Encoded: text) { return Array(data) }
        if let text = value["repeat"]?.string, let count = value["count"]?.int {
            return Array(repeatElement(Array(text.utf8), count: count).joined())
        }
        throw TableError("not a content: \(value.text)")
    }

    /// JSON with its descriptors and texts filled in.
    func described(_ value: JSON) throws -> JSON {
        switch value {
        case .string(let text): return .string(try fill(text))
        case .array(let elements): return .array(try elements.map(described))
        case .object(var members):
            let short = members.removeValue(forKey: "$")?.string
            let long = members.removeValue(forKey: "$512")?.string
            var out = try members.mapValues(described)
            if let name = short ?? long {
                if out["size"] == nil { out["size"] = .integer(try named(name).count) }
                out["digest"] = .string(long == nil ? try digest(name) : try digest512(name))
            }
            return .object(out)
        default: return value
        }
    }

    private func digest(_ name: String) throws -> String { try sha256(named(name)).description }

    /// By the system's own program: rx is not its own judge.
    private func digest512(_ name: String) throws -> String {
        if let known = long[name] { return known }
        let sum = try "sha512:" + run("/usr/bin/sha512sum", [], input: Data(named(name))).text.prefix(128)
        long[name] = sum
        return sum
    }

    /// A text with its placeholders replaced, the innermost first; what is no placeholder stays.
    func fill(_ text: String) throws -> String {
        var text = text
        while text.utf8.contains(UInt8(ascii: "{")) {
            let next = try text.replacing(/\{(?:(digest|hex|sha512|hex512|size):)?([A-Za-z0-9_.-]+)(\?[^{}]*)?\}/) { match in
                let name = String(match.2)
                switch match.1 {
                case "digest": return try digest(name)
                case "hex": return String(try digest(name).dropFirst(7))
                case "sha512": return try digest512(name)
                case "hex512": return String(try digest512(name).dropFirst(7))
                case "size": return String(try named(name).count)
                default:
                    guard let value = saved[name] else { return String(match.0) }
                    guard let parameter = match.3?.dropFirst() else { return value }
                    return value + (value.contains("?") ? "&" : "?") + parameter
                }
            }
            if next == text { break }
            text = next
        }
        return text
    }
}

enum MediaTypes {
    static let image = "application/vnd.oci.image.manifest.v1+json"
    static let index = "application/vnd.oci.image.index.v1+json"
    /// What a client accepts that knows everything.
    static let all = [
        image, index, "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
}

/// The table says something that cannot be done.
struct TableError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
