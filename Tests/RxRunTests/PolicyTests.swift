import RxModel
import RxRun
import RxTesting
import Testing

@Suite struct `A policy` {
    @Test(arguments: try vectors("policy")) func `decides as the vectors say`(_ vector: JSON) throws {
        let lock = try vector["lock"].map { try Lock(parsing: $0.canonical) }
        let patterns = try #require(vector["allow"]?.array).map { try AllowPattern(parsing: $0.string!) }
        let policy = ModulePolicy(lock: lock, lockFile: lock.map { _ in "rx.lock" }, patterns: patterns)
        for ask in try #require(vector["asks"]?.array) {
            let decision =
                try ask["module"]?.string.map { policy.decide(try ModuleName(parsing: $0)) }
                ?? policy.decide(try Locator(parsing: ask["resource"]!.string!))
            let answer =
                switch decision {
                case .locked(let entry): entry.locator.description
                case .allowed: "allowed"
                case .named: "named"
                case .refused: "refused"
                }
            #expect(answer == ask["answer"]?.string, "\(ask.text)")
        }
    }

    @Test func `says how to allow what it refuses`() throws {
        let lock = ModulePolicy(lock: Lock(), lockFile: "my.lock", patterns: [])
        let error = lock.refusal(of: "The module python:x", allow: "python:x")
        #expect(error.code.status == 403)
        #expect(error.message == "The module python:x is not allowed: my.lock does not have it")
        #expect(error.hint == "rx run --allow 'python:x' --record -- COMMAND allows it, and writes it into my.lock")
        let nothing = ModulePolicy(lock: nil, lockFile: nil, patterns: []).refusal(of: "The module python:x", allow: "python:x")
        #expect(nothing.message == "The module python:x is not allowed: there is no rx.lock, and nothing is allowed")
    }

    @Test(arguments: [
        ("acme_tools", "python:acme_tools", true), ("acme_*", "python:acme_tools", true), ("acme_*", "python:other", false),
        ("python:*", "node:other", false), ("*", "node:@acme/tools", true), ("*tools", "python:acme_tools", true),
        ("a*e*s", "python:acme_tools", true), ("acme", "python:acme_tools", false), ("acme_tools2", "python:acme_tools", false),
        ("**", "python:x", true), ("a*a", "python:a", false),
    ])
    func `has patterns of which a star is any text`(_ case: (String, String, Bool)) throws {
        let pattern = try AllowPattern(parsing: `case`.0)
        #expect(pattern.matches(try ModuleName(parsing: `case`.1)) == `case`.2)
    }

    @Test(arguments: ["", "a b", "a\u{0}", "a\tb", "a\u{7F}", String(repeating: "a", count: 513)])
    func `has no pattern that no name could match`(_ text: String) {
        #expect(throws: RegistryError.self) { try AllowPattern(parsing: text) }
    }

    @Test func `names one resource where there is no star and no host`() throws {
        #expect(try AllowPattern(parsing: "acme/tools:1.2.0").locator == Locator(parsing: "acme/tools:1.2.0"))
        for text in ["acme/*", "example.com/tools", "@acme/tools", "acme/tools@sha256:12"] {
            #expect(try AllowPattern(parsing: text).locator == nil, "\(text)")
        }
    }
}
