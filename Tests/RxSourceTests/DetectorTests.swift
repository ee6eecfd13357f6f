import Foundation
import RxModel
import RxSource
import RxTesting
import Testing

@Suite struct DetectorTests {
    @Test func `resource.json gives the definition and is left out of the content`() throws {
        let folder = try NamedFolder(
            "f",
            [
                "resource.json": #"{"name":"n","type":"text","tag":"1","extra":{"a":[1]}}"#, "content": "x", "sub/resource.json": "kept",
            ])
        let (definition, files) = try folder.load()
        #expect(definition.locator.description == "n:1")
        #expect(definition.members["extra"]?["a"] == [1])
        #expect(files == ["content", "sub/resource.json"])
    }

    @Test func `a skill has its folder's name and its first heading`() throws {
        let folder = try NamedFolder("pdf-forms", ["SKILL.md": "---\nname: other\n---\n\n# Fill PDF forms\n\nText", "references/a.md": ""])
        let (definition, files) = try folder.load()
        #expect(definition.json == .object(["name": "pdf-forms", "type": "skill", "description": "Fill PDF forms"]))
        #expect(files == ["SKILL.md", "references/a.md"])
    }

    @Test func `a skill without a heading has no description`() throws {
        #expect(try NamedFolder("s", ["SKILL.md": "text\n"]).load().definition.json == .object(["name": "s", "type": "skill"]))
    }

    @Test func `a long heading is cut to what a description may hold`() throws {
        let folder = try NamedFolder("s", ["SKILL.md": "# " + String(repeating: "é", count: 2000)])
        #expect(try folder.load().definition.description?.unicodeScalars.count == 1024)
    }

    @Test func `a prototype has its folder's name`() throws {
        let (definition, files) = try NamedFolder("proto", ["prototype.json": "[]", "a.md": ""]).load()
        #expect(definition.json == .object(["name": "proto", "type": "prototype"]))
        #expect(files == ["a.md", "prototype.json"])
    }

    @Test func `resource.json comes before SKILL.md and that before prototype.json`() throws {
        let folder = try NamedFolder("f", ["prototype.json": "[]", "SKILL.md": "# S"])
        #expect(try folder.load().definition.type == "skill")
        try folder.write("resource.json", #"{"name":"n","type":"own"}"#)
        #expect(try folder.load().definition.type == "own")
    }

    @Test func `what no detector knows is refused`() throws {
        for files in [[:], ["readme.md": ""], ["sub/SKILL.md": "# A"], ["skill.md": ""]] {
            let folder = try NamedFolder("f", files)
            let error = failure { try folder.load() }
            #expect(error is ResourceTypeError)
            #expect(error?.message == "Cannot detect resource type from source: \(folder.path)")
        }
    }

    @Test func `metadata alone is no resource`() throws {
        let folder = try NamedFolder("f", ["resource.json": #"{"name":"n","type":"text"}"#, ".rxignore": "x", "x": ""])
        let error = failure { try folder.load() }
        #expect(error is ContentError)
        #expect(error?.message == "No content files after excluding metadata")
        #expect(error?.code == .contentRequired)
    }

    @Test(arguments: [
        ("[]", "resource.json: definition must be an object"),
        (#"{"name":"n"}"#, "resource.json: type is required"),
        (#"{"type":"n"}"#, "resource.json: name is required"),
        ("{", "resource.json: definition is not JSON: expected a key at byte 1"),
    ]) func `a broken resource.json says what is wrong`(_ text: String, _ message: String) throws {
        let error = failure { try NamedFolder("f", ["resource.json": text, "content": "x"]).load() }
        #expect(error is DefinitionError)
        #expect(error?.message == message)
    }

    @Test func `a resource.json that is a symlink or an ignored file is not followed`() throws {
        let folder = try NamedFolder("f", ["other.json": #"{"name":"n","type":"text"}"#])
        try folder.symlink("resource.json", to: "other.json")
        #expect(failure { try folder.load() }?.message == "entry \"resource.json\": must be a file, not a symlink")
        try folder.write(".rxignore", "resource.json")
        #expect(failure { try folder.load() }?.message == "Cannot detect resource type from source: \(folder.path)")
    }

    @Test func `a huge resource.json is refused`() throws {
        let folder = try NamedFolder("f", ["resource.json": String(repeating: " ", count: 2 << 20), "content": "x"])
        #expect(failure { try folder.load() }?.code == .contentTooLarge)
    }

    @Test(arguments: [
        ("My Skill", "My-Skill"), (".hidden", "hidden"), ("a..b", "a.-b"), ("a: b@c", "a-b-c"), ("x.y", "x.y"), ("größe", "größe"),
        ("gro\u{308}ße", "größe"), ("a$(b)", "a-(b)"), ("  a  ", "a"), ("v1.2", "v1.2"), ("a_b~c+d", "a_b~c+d"),
    ]) func `a folder's name becomes a valid name`(_ folder: String, _ name: String) throws {
        let definition = try NamedFolder(folder, ["SKILL.md": ""]).load().definition
        #expect(definition.name == name)
        #expect(try Locator(parsing: definition.locator.description).name == name)
    }

    @Test(arguments: ["...", "   ", "$$$", String(repeating: "n", count: 129)])
    func `a folder's name that cannot be a name asks for a resource.json`(
        _ name: String
    ) throws {
        let error = failure { try NamedFolder(name, ["prototype.json": "[]"]).load() }
        #expect(error is DefinitionError)
        let advice = "add a resource.json with \"name\" and \"type\" beside prototype.json"
        #expect(error?.message == "the folder's name \"\(name)\" cannot be a resource's name: \(advice)")
    }

    @Test func `a host program's detector comes last and can leave out metadata`() throws {
        struct Tool: Detector {
            let reads = ["tool.toml"]
            func detect(_ candidate: SourceCandidate) throws -> Detection? {
                guard let bytes = try candidate.bytes(of: "tool.toml") else { return nil }
                let members: [String: JSON] = ["name": .string(candidate.name), "type": .string(String(decoding: bytes, as: UTF8.self))]
                return Detection(definition: try Definition(.object(members)), metadata: [try FilePath(parsing: "tool.toml")])
            }
        }
        let folder = try NamedFolder("hammer", ["tool.toml": "tool", "main": ""])
        var registry = SourceRegistry()
        registry.detectors.register(Tool())
        let source = try registry.load(folder.path) { _ in throw CocoaError(.featureUnsupported) }
        #expect(source.definition.locator.description == "hammer")
        guard case .folder(let entries, _) = source.content else { throw CocoaError(.featureUnsupported) }
        #expect(entries.map(\.path.text) == ["main"])
        try folder.write("SKILL.md", "")
        #expect(try registry.load(folder.path) { _ in throw CocoaError(.featureUnsupported) }.definition.type == "skill")
    }
}
