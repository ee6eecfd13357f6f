import Foundation
import RxLoader
import RxModel
import RxTesting
import Testing

@Suite struct PrototypeTests {
    func render(_ files: [String: String], locator: String = "demo:1") throws -> JSON? {
        try TypeRegistry().render(content(files, locator: locator), type: "prototype").json
    }

    @Test func `a prototype gives its locator and its instructions with files in place`() throws {
        let json = try render(
            ["prototype.json": #"[{"op":"!role.born","args":{"id":"x","content":"@role.md","n":1}},{"op":"end"}]"#, "role.md": "# Role\n"],
            locator: "localhost:3000/p/demo:1")
        #expect(json?["id"] == "localhost:3000/p/demo:1")
        #expect(
            json?["instructions"] == [
                .object(["op": "!role.born", "args": .object(["id": "x", "content": "# Role\n", "n": 1])]), .object(["op": "end"]),
            ])
    }

    @Test func `references are replaced at any depth of args, in values only, and once`() throws {
        let json = try render([
            "prototype.json": #"[{"op":"@op","note":"@a","args":["@a",{"@k":["@d/b",true,null]},"x@a"]},{"op":"y","args":"@a"}]"#,
            "a": "@d/b", "d/b": "B",
        ])
        #expect(
            json?["instructions"] == [
                .object(["op": "@op", "note": "@a", "args": ["@d/b", .object(["@k": ["B", true, .null]]), "x@a"]]),
                .object(["op": "y", "args": "@d/b"]),
            ])
    }

    @Test(arguments: ["x.md", "", "../a", "/etc/passwd", "scope/pkg"]) func `an absent file is an error`(_ name: String) throws {
        let error = failure { try render(["prototype.json": #"[{"op":"a","args":{"k":"@\#(name)"}}]"#]) }
        #expect(error is ContentError)
        #expect(error?.message == "Referenced file not found: \(name)")
    }

    @Test(arguments: [
        (#"{"op":"a"}"#, "a prototype is an array of objects with \"op\" and \"args\""),
        (#"[1]"#, "instruction 0 has no \"op\""),
        (#"[{"op":"a"},{"args":{}}]"#, "instruction 1 has no \"op\""),
        (#"[{"op":1}]"#, "instruction 0 has no \"op\""),
    ]) func `another shape is an error`(_ text: String, _ reason: String) throws {
        #expect(failure { try render(["prototype.json": text]) }?.message == "demo:1: file \"prototype.json\": \(reason)")
    }

    @Test func `broken JSON names the file`() throws {
        #expect(
            failure { try render(["prototype.json": "["]) }?.message
                == "demo:1: file \"prototype.json\" is not JSON: the text ends too early at byte 1")
    }

    @Test func `the array may be in content, prototype.json comes first`() throws {
        #expect(try render(["content": "[]"])?["instructions"] == [])
        #expect(try render(["content": "broken", "prototype.json": "[]"])?["instructions"] == [])
        #expect(
            failure { try render(["a": ""]) }?.message
                == "demo:1: type \"prototype\" needs a file named \"prototype.json\"; its files are: a")
    }

    @Test func `a file named over and over does not fill the memory`() throws {
        let args = Array(repeating: "\"@big\"", count: 100).joined(separator: ",")
        let files = ["prototype.json": "[{\"op\":\"a\",\"args\":[\(args)]}]", "big": String(repeating: "x", count: 1 << 20)]
        #expect(failure { try render(files) }?.code == .contentTooLarge)
    }
}
