import RxClient
import RxModel
import RxSource
import RxStore

extension Command {
    /// `rx add`
    static let add = Command(
        name: "add", summary: "Store a folder as a resource", arguments: "FOLDER", count: 1...1,
        details: """
            The folder says what it is: by a resource.json (name, type, and more), a SKILL.md or a prototype.json. Write it as a path
            (./x, /x, x/ or .) or as https://github.com/OWNER/REPO/tree/BRANCH/PATH. Left out: .git, node_modules and what .rxignore
            lists. Adding a folder again reads only the files that changed.
            """,
        options: [.json, .quiet],
        examples: [
            .init("rx add ./code-review", "store the skill in ./code-review"),
            .init("rx add .", "store the folder you are in"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let text = invocation.positional[0]
        guard client.sources.accepts(text) else {
            throw UsageError(message: "\"\(text)\" is not written as a folder", hint: "did you mean rx add ./\(text)?")
        }
        let outcome = try client.add(text)
        let record = outcome.record
        let locator = record.reference.locator
        var json = record.summary.object ?? [:]
        json["unchangedFiles"] = .integer(outcome.unchanged)
        try Output(invocation).print(
            .object(json),
            """
            Added resource:
              Locator: \(locator)
              Name: \(locator.name)
              Type: \(record.definition.type)
              Tag: \(locator.tag)
              Files: \(record.fileCount) (\(Output.bytes(record.size)), \(outcome.unchanged) unchanged)
              Digest: \(record.tree)
            """)
    }
}
