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
            instructions with its @files filled in. A bare locator is looked for in the local store, then in the configured registries;
            one with a host is fetched from there when it is not here or has changed.
            """,
        options: [.json, .quiet],
        examples: [
            .init("rx ingest code-review", "the skill's SKILL.md"), .init("rx ingest code-review checklist.md", "one of its references"),
            .init("rx ingest ./code-review", "straight from the folder"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let text = invocation.positional[0]
        let (content, type) = try Ingestion.content(text, client)
        let rendering = try TypeRegistry().render(
            content, type: type, argument: invocation.positional.count > 1 ? invocation.positional[1] : nil)
        try Ingestion.write(rendering, asJSON: invocation.has(.json))
    }
}

/// Finds what `rx ingest` reads and writes what it gives.
enum Ingestion {
    /// The files of a folder, a linked folder or a stored resource, and its type.
    static func content(_ text: String, _ client: Client) throws -> (any ResourceContent, type: String) {
        if isFolderText(text) { return try folder(text, locator: text) }
        guard !client.sources.accepts(text) else {
            let record = try client.add(text).record
            return (
                ManifestContent(locator: "\(record.reference)", manifest: try client.store.manifest(of: record), read: client.store.open),
                record.definition.type
            )
        }
        let locator = try Locator(parsing: text)
        if let linked = client.linkedFolder(locator) { return try folder(linked, locator: locator.description) }
        let record = try client.find(locator)
        return (
            ManifestContent(locator: "\(record.reference)", manifest: try client.store.manifest(of: record), read: client.store.open),
            record.definition.type
        )
    }

    private static func folder(_ text: String, locator: String) throws -> (any ResourceContent, type: String) {
        let source = try FolderSource().load(FolderSource.open(text), source: text)
        guard case .folder(let entries, let folder) = source.content else { throw ContentError.cannotLoad(text) }
        return (FolderContent(locator: locator, folder: folder.path, entries: entries), source.definition.type)
    }

    /// Text as it is, with a newline only on a terminal; bytes raw; JSON indented by two. With `asJSON`, text becomes a JSON string.
    static func write(_ rendering: Rendering, asJSON: Bool) throws {
        switch rendering {
        case .text(let text) where asJSON: Host.writeOutput(JSON.string(text).text + "\n")
        case .text(let text):
            Host.writeOutput(text)
            if Host.isTerminal(1), text.utf8.last != UInt8(ascii: "\n") { Host.writeOutput("\n") }
        case .json(let value): Host.writeOutput(value.pretty + "\n")
        case .bytes(let source): try copyBytes(from: source, to: FileSink(FileDescriptor.standardOutput))
        }
    }
}

/// The files of a folder, as they are now.
struct FolderContent: ResourceContent {
    let locator: String
    let folder: String
    let paths: [FilePath]
    private let entries: [FilePath: SourceEntry]

    init(locator: String, folder: String, entries: [SourceEntry]) {
        self.locator = locator
        self.folder = folder
        paths = entries.map(\.path)
        self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0) })
    }

    func open(_ path: FilePath) throws -> any ByteSource {
        guard let entry = entries[path] else { throw ContentError("File not found: \(path)", code: .notFound) }
        if case .regular = entry.kind { return FileSource(try entry.open()) }
        let real = try Files.realPath("\(folder)/\(path)")
        guard real.utf8.starts(with: "\(folder)/".utf8) else {
            throw ContentError("entry \(FilePath.quoted(path.text)): the symlink leaves the folder")
        }
        return try FileSource(path: real)
    }
}
