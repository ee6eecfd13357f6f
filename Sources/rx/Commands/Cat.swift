import RxClient
import RxLoader
import RxModel
import RxPosix

extension Command {
    /// `rx cat`
    static let cat = Command(
        name: "cat", summary: "Print one file of a resource, fetching only that", arguments: "LOCATOR[/PATH]", count: 1...1,
        details: """
            Without PATH it is the resource's only file. For a folder, and for a resource with several files, the names in it are printed,
            one a line, those of folders with a slash behind them. Where a text can be read in several ways, the longest locator that is
            found counts. A bare locator is looked for here, then in the configured registries. A file that was fetched stays here, until
            rx cache prune or clear.
            """,
        options: [.quiet],
        examples: [
            .init("rx cat acme/tools:1.2.0/README.md", "one file of many"), .init("rx cat acme/tools:1.2.0/src", "the names in a folder"),
            .init("rx cat prompt", "the only file of a resource"),
        ]
    ) { invocation in
        let (resource, at) = try Home.client(invocation).bind(path: invocation.positional[0])
        let content = ManifestContent(resource)
        let only = at.path == nil && !at.isFolder && content.tree.files.count == 1 ? content.tree.files[0].path : at.path
        if let only, !at.isFolder, let file = content.resolve(only) {
            try copyBytes(from: resource.open(file), to: FileSink(FileDescriptor.standardOutput))
            return
        }
        guard let names = content.names(in: only) else {
            throw ContentError(
                "File not found: \(only.map(\.text) ?? "") in \(resource.locator)", code: .notFound,
                hint: "rx cat \(resource.locator)/ prints the names in it")
        }
        try Host.writeOutput(names.map { Output.visible($0) + "\n" }.joined())
    }
}
