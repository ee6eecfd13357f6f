import RxModel
import RxPosix
public import RxStore

/// Writes a stored resource to where people can use it: a folder or an archive file.
public struct ResourceExporter: Sendable {
    let store: any Store
    let progress: any Progress
    /// What was written to which folder; nil remembers nothing.
    let records: FolderRecords?

    /// Exports from `store`. `records` is the folder that remembers what was written where, so that the next export touches only what
    /// differs; without one, files are compared by content.
    public init(store: any Store, records: String? = nil, progress: any Progress = NoProgress()) {
        self.store = store
        self.progress = progress
        self.records = records.map { FolderRecords(place: $0) }
    }

    func text(_ definition: Definition) -> [UInt8] { Array((definition.json.pretty + "\n").utf8) }

    func refuseOwnDefinition(_ manifest: ResourceManifest) throws {
        guard !manifest.files.contains(where: { $0.path.text == Definition.fileName }) else {
            throw ContentError(
                "the content holds a \(Definition.fileName) of its own", hint: "export it to a folder without --definition")
        }
    }
}
