import RxClient
import RxModel
import RxStore

extension Command {
    private static let definition = Option("--definition", nil, "write resource.json into the folder too")

    /// `rx export`
    static let export = Command(
        name: "export", summary: "Write a resource to a folder or an archive", arguments: "LOCATOR FOLDER|FILE.tar.gz", count: 2...2,
        details: "A folder must be absent or empty and gets the content. An archive (.tar.gz or .tgz) holds the content and resource.json.",
        options: [definition, .json, .quiet],
        examples: [
            .init("rx export code-review ./skill", "as a folder"),
            .init("rx export code-review skill.tar.gz", "as an archive for rx import"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let target = invocation.positional[1]
        guard !target.isEmpty else {
            throw UsageError(message: "the folder or file to write has no name", hint: "write . for the folder you are in")
        }
        let record = try client.reading(locator) { record, manifest in
            if target.hasSuffix(".tar.gz") || target.hasSuffix(".tgz") {
                try client.exporter.export(manifest, toArchive: target)
            } else {
                try client.exporter.export(manifest, toFolder: target, definition: invocation.has(definition))
            }
            return record
        }
        var json = record.summary.object ?? [:]
        json["target"] = .string(target)
        try Output(invocation).print(.object(json), "Exported: \(record.reference) to \(target)")
    }
}
