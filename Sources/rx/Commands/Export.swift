import RxClient
import RxModel
import RxStore

extension Command {
    private static let definition = Option("--definition", nil, "write resource.json into the folder too")

    /// `rx export`
    static let export = Command(
        name: "export", summary: "Write a resource to a folder or an archive", arguments: "LOCATOR FOLDER|FILE.tar.gz", count: 2...2,
        details: """
            A folder that is absent or empty gets the content. One that rx wrote before is brought up to date: only what differs is
            touched. Where you changed a file, rx names it and touches nothing, unless you say --force. With --link the files are hard
            links to those of the store: quick, without space of their own, and read-only; do not write into them. An archive (.tar.gz
            or .tgz) holds the content and resource.json.
            """,
        options: [definition, .link, .force, .json, .quiet],
        examples: [
            .init("rx export code-review ./skill", "as a folder; run it again after an update"),
            .init("rx export dataset ./data --link", "as read-only links that take no space"),
            .init("rx export code-review skill.tar.gz", "as an archive for rx import"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let target = invocation.positional[1]
        guard !target.isEmpty else {
            throw UsageError(message: "the folder or file to write has no name", hint: "write . for the folder you are in")
        }
        let isArchive = target.hasSuffix(".tar.gz") || target.hasSuffix(".tgz")
        if isArchive, let option = [definition, .link, .force].first(where: { invocation.has($0) }) {
            throw UsageError(message: "\(option.name) is for folders, and \(target) is an archive")
        }
        guard !isArchive else {
            let record = try client.reading(locator) { record, manifest in
                try client.exporter.export(manifest, toArchive: target)
                return record
            }
            return try Output(invocation).print(
                .object(record.json(target, nil)), "Exported: \(record.reference) to \(target)")
        }
        let options = FolderOptions(
            definition: invocation.has(definition), link: invocation.has(.link), force: invocation.has(.force))
        let (record, report) = try client.export(locator, toFolder: target, options: options)
        try Output(invocation).print(
            .object(record.json(target, report)), "Exported: \(record.reference) to \(target)\n  \(report.words)")
    }
}

extension ResourceRecord {
    /// The members that tell what was written where.
    fileprivate func json(_ target: String, _ report: FolderReport?) -> [String: JSON] {
        var members = summary.object ?? [:]
        members["target"] = .string(target)
        members["folder"] = report?.json
        return members
    }
}
