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
            let remote = try client.describe(locator, at: invocation.value(.registry))
            sheet = InfoSheet(record: remote.record, files: remote.files, preview: nil)
        }
        try Output(invocation).print(sheet.json, sheet.text)
    }
}

/// What `rx info` shows.
struct InfoSheet {
    let record: ResourceRecord
    let files: [ResourceFile]
    /// The beginning of its main text; nil when it has none, or only a registry has it.
    let preview: String?

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
        if record.isForeign {
            if let type = record.artifactType { table.add("Artifact:", type) }
            table.add("Media type:", record.mediaType)
        }
        table.add("Tag:", locator.tag)
        if let description = record.definition.description { table.add("Description:", description) }
        for key in ["author", "license", "repository"] {
            if let value = record.definition.members[key]?.string { table.add(key.prefix(1).uppercased() + key.dropFirst() + ":", value) }
        }
        if !record.definition.keywords.isEmpty { table.add("Keywords:", record.definition.keywords.joined(separator: ", ")) }
        if !record.isForeign { table.add("Digest:", record.tree.description) }
        table.add("Manifest:", record.manifestDigest.description)
        table.add("Size:", "\(Output.bytes(record.size)) in \(Output.count(record.fileCount, "file"))")
        if let time = record.time(record.createdAt) { table.add("Created:", time) }
        if let time = record.time(record.updatedAt) { table.add("Updated:", time) }
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
            for depth in shared..<folders.count { lines.append(indent(depth) + Output.visible("\(folders[depth])/")) }
            open = Array(folders)
            let kind = file.symlink.map { " -> \($0)" } ?? "\(file.executable ? "*" : "")  \(Output.bytes(file.size))"
            lines.append(indent(folders.count) + Output.visible(segments.last! + kind))
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
                let content = try? store.open(file.digest).readAll(), let text = beginning(content)
            else { continue }
            return text
        }
        return nil
    }

    /// The first lines of some bytes, indented; nil when they are no text.
    static func beginning(_ content: [UInt8]) -> String? {
        // A character that the limit cuts through is left out: it has at most four bytes.
        let cuts = content.count > bytes ? 0...3 : 0...0
        guard let text = cuts.lazy.compactMap({ String(validating: content.prefix(bytes - $0), as: UTF8.self) }).first,
            !text.utf8.contains(0)
        else { return nil }
        let shown = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).prefix(lines).map { line in
            String(Substring(line.last == UInt8(ascii: "\r") ? line.dropLast() : line))
        }
        return shown.map { "  " + Output.visible($0, keeping: "\t") }.joined(separator: "\n")
    }
}
