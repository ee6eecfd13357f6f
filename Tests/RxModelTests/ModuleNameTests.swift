import RxCrypto
import RxModel
import RxTesting
import Testing

@Suite struct `Names of modules` {
    @Test func `are read with their language`() throws {
        let module = try ModuleName(parsing: "node:@acme/tools")
        #expect(module.language == "node" && module.name == "@acme/tools" && module.description == "node:@acme/tools")
        #expect(try ModuleName(parsing: "ruby:Acme::Tools").name == "Acme::Tools", "the first colon parts them")
        for (text, message) in [
            ("acme_tools", "\"acme_tools\" is no module: write LANGUAGE:NAME, such as python:acme_tools"),
            ("Python:x", "\"Python\" is no language: use lower-case letters and digits, a letter first, at most 32"),
            ("python:a.b", "\"a.b\" is no Python identifier"), ("node:", "\"\" is empty"), ("node:A", "\"A\" is no npm package name"),
        ] {
            let error = #expect(throws: DefinitionError.self) { try ModuleName(parsing: text) }
            #expect(error?.message == message)
        }
    }

    @Test(arguments: [
        ("python:acme_tools", "acme_tools"), ("node:@acme/tools", "acme/tools"), ("node:left-pad", "left-pad"), ("node:@a.b/c", nil),
        ("go:example.com/tools", nil), ("ruby:Acme::Tools", nil), ("ruby:a:1", nil), ("ruby:a%2fb", nil), ("go:a/../b", nil),
        ("python:_x", "_x"), ("ruby:@x", nil), ("node:a..b", nil),
    ])
    func `have a resource of the same name, where it can have that`(_ text: String, _ locator: String?) throws {
        #expect(try ModuleName(parsing: text).namesake?.description == locator)
    }

    @Test func `are listed by language`() throws {
        let provides = try Provides(.object(["ruby": ["b", "a"], "python": ["z"]]))
        #expect(provides.names.map(\.description) == ["python:z", "ruby:b", "ruby:a"])
        #expect(try Provides(provides.json) == provides && Provides(nil).isEmpty)
    }

    @Test func `that are not valid are kept in what is stored, and refused in what is put`() throws {
        let members: [String: JSON] = ["name": "a", "type": "text", "provides": .object(["python": ["a b"]])]
        #expect(throws: DefinitionError.self) { try Definition(.object(members)) }
        let stored = try Definition(.object(members), isStored: true)
        #expect(stored.members == members && stored.provides.isEmpty)
        let manifest = try ResourceManifest(definition: stored, files: [try file("f", "1")])
        #expect(try ResourceManifest(parsing: manifest.bytes) == manifest)
    }
}
