import Foundation
import RxCrypto
import RxLoader
import RxModel
import RxTesting
import Testing

/// A resource in memory, as a manifest names it; a text that starts with `->` is a symlink's target.
func content(_ files: [String: String], locator: String = "demo:1") throws -> ManifestContent {
    var blobs: [Digest: [UInt8]] = [:]
    let list = try files.map { path, text in
        let target = text.hasPrefix("->") ? String(text.dropFirst(2)) : nil
        let bytes = Array((target ?? text).utf8)
        blobs[sha256(bytes)] = bytes
        return ResourceFile(path: try FilePath(parsing: path), digest: sha256(bytes), size: bytes.count, symlink: target)
    }
    let manifest = try ResourceManifest(definition: definition("demo"), files: list)
    return ManifestContent(locator: locator, manifest: manifest) { [blobs] in BytesSource(blobs[$0]!) }
}

extension Rendering {
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var json: JSON? { if case .json(let json) = self { json } else { nil } }
    func bytes() throws -> [UInt8]? { if case .bytes(let source) = self { try source.readAll() } else { nil } }
}

@Suite struct ResourceTypeTests {
    let types = TypeRegistry()

    @Test(arguments: ["text", "txt", "plaintext"]) func `text is given as it is`(_ type: String) throws {
        let text = "  a\r\n\u{FEFF}ö\n\n"
        #expect(try types.render(content(["content": text]), type: type).text == text)
        #expect(try types.render(content(["content": ""]), type: type, argument: "passed over").text == "")
    }

    @Test(arguments: ["json", "config", "manifest"]) func `json is given as a value`(_ type: String) throws {
        #expect(try types.render(content(["content": #"{"b":[1e400],"a":null}"#]), type: type).json?.text == #"{"a":null,"b":[1e400]}"#)
    }

    @Test(arguments: ["binary", "bin", "blob", "raw"]) func `binary is given as bytes`(_ type: String) throws {
        #expect(try types.render(content(["content": "\0\u{1}"]), type: type).bytes() == [0, 1])
    }

    @Test func `binary is not read before somebody asks for it`() throws {
        final class Endless: ByteSource {
            func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { buffer.count }
        }
        let file = ResourceFile(path: try FilePath(parsing: "content"), digest: sha256([]), size: 1 << 40)
        let manifest = try ResourceManifest(definition: definition("big"), files: [file])
        let endless = ManifestContent(locator: "big", manifest: manifest) { _ in Endless() }
        guard case .bytes = try types.render(endless, type: "binary") else { throw CocoaError(.featureUnsupported) }
        let error = failure { try types.render(endless, type: "text") }
        #expect(error?.message == "big: file \"content\" is larger than the 67108864 bytes that can be shown as text")
        #expect(error?.code == .contentTooLarge)
    }

    @Test(arguments: ["text", "json", "binary"]) func `a missing content file is an error that says what is there`(_ type: String) throws {
        let error = failure { try types.render(content(["a.md": "", "b.md": ""]), type: type) }
        #expect(error is ResourceTypeError)
        #expect(error?.message == "demo:1: type \"\(type)\" needs a file named \"content\"; its files are: a.md, b.md")
    }

    @Test func `broken JSON names the resource's file`() throws {
        let error = failure { try types.render(content(["content": "{]"]), type: "json") }
        #expect(error is ContentError)
        #expect(error?.message == "demo:1: file \"content\" is not JSON: expected a key at byte 1")
    }

    @Test func `text that is not UTF-8 names the resource's file`() throws {
        let bytes: [UInt8] = [0x61, 0xFF]
        let file = ResourceFile(path: try FilePath(parsing: "content"), digest: sha256(bytes), size: 2)
        let broken = ManifestContent(locator: "x", manifest: try ResourceManifest(definition: definition("x"), files: [file])) { _ in
            BytesSource(bytes)
        }
        #expect(failure { try types.render(broken, type: "text") }?.message == "x: file \"content\" is not UTF-8 text")
    }

    @Test(arguments: ["skill", "agent-skill"]) func `a skill gives SKILL.md or one of its references`(_ type: String) throws {
        let skill = try content([
            "SKILL.md": "# S", "references/b.md": "B", "references/a.md": "A", "references/sub/c.md": "C", "other.md": "O",
        ])
        #expect(try types.render(skill, type: type).text == "# S")
        #expect(try types.render(skill, type: type, argument: "a.md").text == "A")
        #expect(try types.render(skill, type: type, argument: "sub/c.md").text == "C")
        for absent in ["x.md", "../other.md", "/etc/passwd", "", "sub", "a", "..", "A.md"] {
            let error = failure { try types.render(skill, type: type, argument: absent) }
            #expect(error?.message == "Reference not found: \(absent). Available: a.md, b.md, sub/c.md")
            #expect(error?.code == .notFound)
        }
    }

    @Test func `a skill without references says so`() throws {
        let error = failure { try types.render(content(["SKILL.md": ""]), type: "skill", argument: "a") }
        #expect(error?.message == "Reference not found: a. Available: none")
    }

    @Test func `an unknown type is refused`() throws {
        for type in ["image", "Text", ""] {
            let error = failure { try types.render(content(["content": ""]), type: type) }
            #expect(error is ResourceTypeError)
            #expect(error?.message == "Unsupported resource type: \(type)")
        }
    }

    @Test func `own types register by name and aliases`() throws {
        struct Shout: ResourceType {
            let name: String
            let aliases: [String]
            func render(_ content: any ResourceContent, argument: String?) throws -> Rendering {
                .text(try content.text(FilePath(parsing: "content")).uppercased() + (argument ?? ""))
            }
        }
        var types = TypeRegistry()
        try types.register(Shout(name: "shout", aliases: ["loud"]))
        #expect(try types.render(content(["content": "a"]), type: "loud", argument: "!").text == "A!")
        #expect(types.names == ["binary", "json", "module", "prototype", "shout", "skill", "text"])
        for (name, aliases, taken) in [
            ("shout", [], "shout"), ("new", ["txt"], "txt"), ("loud", [], "loud"), ("agent-skill", [], "agent-skill"),
        ] {
            #expect(failure { try types.register(Shout(name: name, aliases: aliases)) }?.message == "Type '\(taken)' is already registered")
        }
        #expect(failure { try types.type(named: "new") }?.message == "Unsupported resource type: new")
    }

    @Test func `a type reads through the resource's own symlinks and never out of them`() throws {
        let linked = try content(["content": "->d/e/up", "d/e/up": "->../../real/text", "real": "->d/f", "d/f/text": "through"])
        #expect(try types.render(linked, type: "text").text == "through")
        let hanging = try content(["content": "->nothing"])
        #expect(failure { try types.render(hanging, type: "text") }?.message == "File not found: content")
    }
}
