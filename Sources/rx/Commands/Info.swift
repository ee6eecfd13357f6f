import RxClient
import RxModel
import RxPosix
import RxProtocol
import RxStore

extension Command {
    /// `rx info`
    static let info = Command(
        name: "info", aliases: ["show"], summary: "Show what a resource is and holds", arguments: "LOCATOR", count: 1...1,
        details: "Looks in the local store first, then asks the registries; nothing is fetched but the description.",
        options: [.registry, .json],
        examples: [
            .init("rx info code-review", "metadata, files, and the beginning of its text"),
            .init("rx info --json code-review", "all of it for programs"),
        ]
    ) { invocation in
        let client = try Home.client(invocation)
        let locator = try Locator(parsing: invocation.positional[0])
        let sheet: InfoSheet
        if invocation.value(.registry) == nil, let record = try client.local(locator) {
            let manifest = try client.store.manifest(of: record)
            sheet = InfoSheet(record: record, files: manifest.files, preview: Preview.text(manifest, client.store))
        } else {
            sheet = try InfoSheet(remote: try client.describe(locator, at: invocation.value(.registry)))
        }
        Output(invocation).print(sheet.json, sheet.text)
    }
}

/// What `rx info` shows.
struct InfoSheet {
    let record: ResourceRecord
    let files: [ResourceFile]
    let preview: String?

    init(record: ResourceRecord, files: [ResourceFile], preview: String?) {
        self.record = record
        self.files = files
        self.preview = preview
    }

    /// A resource that only a registry has.
    init(remote: (record: ResourceRecord, files: [ResourceFile])) throws {
        self.init(record: remote.record, files: remote.files, preview: nil)
    }

    var json: JSON {
        var members = record.summary.object ?? [:]
        members["files"] = .array(files.map(\.json))
        members["definition"] = record.definition.json
        return .object(members)
    }

    var text: String {
        let locator = record.reference.locator
        var table = Table()
        table.add("Locator:", locator.description)
        if let registry = locator.registry { table.add("Registry:", registry) }
        table.add("Name:", locator.name)
        table.add("Type:", record.definition.type)
        table.add("Tag:", locator.tag)
        if let description = record.definition.description { table.add("Description:", description) }
        for key in ["author", "license", "repository"] {
            if let value = record.definition.members[key]?.string { table.add(key.prefix(1).uppercased() + key.dropFirst() + ":", value) }
        }
        if !record.definition.keywords.isEmpty { table.add("Keywords:", record.definition.keywords.joined(separator: ", ")) }
        table.add("Digest:", record.tree.description)
        table.add("Manifest:", record.manifestDigest.description)
        table.add("Size:", "\(Output.bytes(record.size)) in \(Output.count(record.fileCount, "file"))")
        table.add("Created:", Timestamp.text(record.createdAt))
        table.add("Updated:", Timestamp.text(record.updatedAt))
        var text = table.text + "\n\nFiles:\n" + tree
        if let preview { text += "\n\nPreview:\n" + preview }
        return text
    }

    /// The files as an indented tree with their sizes.
    private var tree: String {
        var lines: [String] = []
        var open: [Substring] = []
        for file in files {
            let segments = file.path.segments
            let folders = segments.dropLast()
            let shared = zip(open, folders).prefix { $0.utf8.elementsEqual($1.utf8) }.count
            for depth in shared..<folders.count { lines.append(indent(depth) + "\(folders[depth])/") }
            open = Array(folders)
            let kind = file.symlink.map { " -> \($0)" } ?? "\(file.executable ? "*" : "")  \(Output.bytes(file.size))"
            lines.append(indent(folders.count) + segments.last! + kind)
        }
        return lines.joined(separator: "\n")
    }

    private func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth + 1) }
}

/// The beginning of a resource's main text.
enum Preview {
    private static let lines = 8
    private static let bytes = 4096

    /// The first lines of SKILL.md, content or README.md, whichever is there first and is text; nil when none is.
    static func text(_ manifest: ResourceManifest, _ store: some Store) -> String? {
        for name in ["SKILL.md", "content", "README.md"] {
            guard let file = manifest.files.first(where: { $0.path.text == name && $0.symlink == nil }), file.size <= 1 << 20,
                let content = try? store.open(file.digest).readAll(), let text = String(validating: content.prefix(bytes), as: UTF8.self),
                !text.utf8.contains(0)
            else { continue }
            let shown = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(lines)
            return shown.map { "  \($0)" }.joined(separator: "\n")
        }
        return nil
    }
}
