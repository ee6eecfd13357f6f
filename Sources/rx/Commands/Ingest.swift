import RxClient
import RxLoader
import RxModel
import RxPosix
import RxSource
import RxStore

extension Command {
    /// `rx ingest`
    static let ingest = Command(
        name: "ingest", aliases: ["use", "resolve"], summary: "Print what a resource gives: text, bytes or JSON, by its type",
        arguments: "LOCATOR|FOLDER [ARGUMENT]", count: 1...2,
        details: """
            text, binary and json print the file named content; a skill prints SKILL.md, or references/ARGUMENT; a prototype prints its
            instructions with its @files filled in; a module prints the names in it, or the file of the path ARGUMENT. A bare locator is
            looked for in the local store, then in the configured registries; one with a host is fetched from there when it is not here
            or has changed.
            """,
        options: [.json, .quiet],
        examples: [
            .init("rx ingest code-review", "the skill's SKILL.md"), .init("rx ingest code-review checklist.md", "one of its references"),
            .init("rx ingest ./code-review", "straight from the folder"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let rendering = try Ingestion.read(invocation.positional[0], client) { content, type in
            try TypeRegistry().render(content, type: type, argument: invocation.positional.count > 1 ? invocation.positional[1] : nil)
        }
        try Ingestion.write(rendering, asJSON: invocation.has(.json))
    }
}

/// Finds what `rx ingest` reads and writes what it gives.
enum Ingestion {
    typealias Render = (any ResourceContent, _ type: String) throws -> Rendering

    /// Renders the files of a folder, a linked folder or a stored resource, by its type.
    static func read(_ text: String, _ client: Client, _ render: Render) throws -> Rendering {
        if isFolderText(text) { return try folder(text, locator: text, render) }
        let added = client.sources.accepts(text) ? try client.add(text).record.reference.locator : nil
        let locator = try added ?? Locator(parsing: text)
        if added == nil, let linked = client.linkedFolder(locator) { return try folder(linked, locator: locator.description, render) }
        // A rendering has read, or holds open, every file that it needs.
        return try client.looking(at: locator) { record, manifest in
            try render(
                ManifestContent(locator: "\(record.reference)", manifest: manifest, read: client.store.open), record.definition.type)
        }
    }

    private static func folder(_ text: String, locator: String, _ render: Render) throws -> Rendering {
        let source = try FolderSource().load(FolderSource.open(text), source: text)
        guard case .folder(let entries, let folder) = source.content else { throw ContentError.cannotLoad(text) }
        return try render(FolderContent(locator: locator, folder: folder.path, entries: entries), source.definition.type)
    }

    /// Text as it is, with a newline only on a terminal; bytes raw; JSON indented by two. With `asJSON`, text becomes a JSON string.
    static func write(_ rendering: Rendering, asJSON: Bool) throws {
        switch rendering {
        case .text(let text) where asJSON: try Host.writeOutput(JSON.string(text).text + "\n")
        case .text(let text):
            try Host.writeOutput(text)
            if Host.isTerminal(1), text.utf8.last != UInt8(ascii: "\n") { try Host.writeOutput("\n") }
        case .json(let value): try Host.writeOutput(value.pretty + "\n")
        case .bytes(let source): try copyBytes(from: source, to: FileSink(FileDescriptor.standardOutput))
        }
    }
}
