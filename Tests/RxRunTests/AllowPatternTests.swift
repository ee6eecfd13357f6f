import RxModel
import RxRun
import Testing

@Suite struct `A pattern of what is allowed` {
    @Test(arguments: [
        ("acme_tools", "python:acme_tools", true), ("acme_*", "python:acme_tools", true), ("acme_*", "python:other", false),
        ("python:*", "python:other", true), ("python:*", "node:other", false), ("*", "node:@acme/tools", true),
        ("@acme/*", "node:@acme/tools", true), ("acme/tools", "node:@acme/tools", true), ("*tools", "python:acme_tools", true),
        ("a*e*s", "python:acme_tools", true), ("acme", "python:acme_tools", false), ("acme_tools2", "python:acme_tools", false),
    ])
    func `is for modules by name, by language, and by the resource they would come from`(_ case: (String, String, Bool)) throws {
        let pattern = try AllowPattern(parsing: `case`.0)
        #expect(pattern.matches(try ModuleName(parsing: `case`.1)) == `case`.2)
    }

    @Test(arguments: ["", "a b", "a\u{0}", "a\tb", String(repeating: "a", count: 513)])
    func `is refused where no name could match it`(_ text: String) {
        #expect(throws: RegistryError.self) { try AllowPattern(parsing: text) }
    }

    @Test func `names a resource when it has no star and no host`() throws {
        #expect(try AllowPattern(parsing: "acme/tools:1.2.0").locator == Locator(parsing: "acme/tools:1.2.0"))
        for text in ["acme/*", "example.com/tools", "@acme/tools", "python:"] {
            #expect(try AllowPattern(parsing: text).locator == nil, "\(text)")
        }
    }
}
