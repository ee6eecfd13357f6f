import RxClient
import RxModel
import RxPosix
import RxStore

extension Command {
    private static let to = Option("--to", "FOLDER", "write the files to this folder too, as rx export does")

    /// `rx pull`
    static let pull = Command(
        name: "pull", summary: "Fetch a resource from a registry into the local store", arguments: "LOCATOR", count: 1...1,
        details: """
            Without --registry it comes from the registry in the locator, else from the first configured one that has it. The copy is
            stored under that registry's host. With @sha256:DIGEST only that content is accepted. Any OCI registry will do, and any
            artifact or image: one that is no resource has the type oci and its layers as files. With --to the files are also written to
            a folder, and one that rx wrote before is brought up to date (see rx export --help).
            """,
        options: [.registry, to, .link, .force, .json, .quiet],
        examples: [
            .init("rx pull hello:1.0.0", "from the configured registries"),
            .init("rx pull localhost:3000/team/hello --to ./hello", "from this registry, into a folder"),
            .init("rx pull registry.example.com/team/image:1", "an image or artifact of another kind"),
        ]
    ) { invocation in
        // Beside the store, which is opened meanwhile.
        let network = Background { CurlTransport.prepare() }
        defer { network.value }
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let target = invocation.value(to)
        guard target != "" else {
            throw UsageError(message: "the folder to write has no name", hint: "write . for the folder you are in")
        }
        if target == nil, let option = [Option.link, .force].first(where: { invocation.has($0) }) {
            throw UsageError(message: "\(option.name) needs --to FOLDER")
        }
        let (pulling, folder) = try client.pulling(
            locator, from: invocation.value(.registry), to: target,
            options: FolderOptions(link: invocation.has(.link), force: invocation.has(.force)))
        let record = pulling.record
        var json = record.summary.object ?? [:]
        json["transfer"] = pulling.report.json
        json["target"] = target.map { .string($0) }
        json["folder"] = folder?.json
        json["evicted"] = pulling.pruning.map { .array($0.eviction.copies.map(\.json)) }
        var lines = [
            "Pulled: \(record.reference)", "  Files: \(Output.number(record.fileCount)) (\(Output.bytes(record.size)))",
            "  Digest: \(record.tree)", "  \(pulling.report.words("Received"))",
        ]
        if let pruning = pulling.pruning { lines.append("  Evicted: \(pruning.eviction.words)") }
        if let target, let folder { lines += ["  Folder: \(target)", "  \(folder.words)"] }
        try Output(invocation).print(.object(json), lines.joined(separator: "\n"))
    }
}
