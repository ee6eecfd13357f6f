import RxClient
import RxModel
import RxStore

extension Command {
    /// `rx import`
    static let `import` = Command(
        name: "import", summary: "Store a resource from an archive", arguments: "FILE.tar.gz", count: 1...1,
        details:
            "The archive holds the content and a resource.json, as rx export writes it. Anything unsafe in it is refused and nothing is stored.",
        options: [.json, .quiet], examples: [.init("rx import skill.tar.gz", "store what rx export wrote")]
    ) { invocation in
        let record = try Home.client(invocation).importer.importArchive(invocation.positional[0])
        try Output(invocation).print(
            record.summary,
            "Imported: \(record.reference)\n  Files: \(record.fileCount) (\(Output.bytes(record.size)))\n  Digest: \(record.tree)")
    }
}
