import Glibc
import RxArchive
import RxCrypto
import RxModel
import RxPosix
public import RxStore

/// Reads back what `export` to an archive wrote.
public struct ResourceImporter {
    /// The longest resource.json that is read, in bytes.
    static let definitionLimit = 1 << 20

    private let store: any Store
    private let progress: any Progress

    /// Imports into `store`.
    public init(store: any Store, progress: any Progress = NoProgress()) {
        self.store = store
        self.progress = progress
    }

    /// Stores the archive's content under the definition in its resource.json. Throws `ContentError` for an archive that is
    /// refused or has no resource.json, `DefinitionError` for a bad one; nothing is stored then.
    public func importArchive(_ path: String) throws -> ResourceRecord {
        let source = try FileDescriptor.open(path, O_RDONLY)
        let status = try source.status()
        progress.begin("importing", total: status.isRegular ? Int(status.st_size) : nil)
        let operation = try store.begin()
        // The definition is read, not stored: it lives in the manifest.
        var definition: [UInt8]?
        var current: FilePath?
        var files = try readArchive(
            MeteredSource(FileSource(source), progress),
            select: { path in
                current = path
                return path
            }
        ) { content in
            guard current?.text == ResourceExporter.definitionName else {
                let blob = try operation.stage(content, expecting: nil)
                return (blob.digest, blob.size)
            }
            let bytes = try content.readAll(limit: ResourceImporter.definitionLimit)
            definition = bytes
            return (sha256(bytes), bytes.count)
        }
        guard let definition else {
            throw ContentError(
                "\(path) holds no \(ResourceExporter.definitionName)", hint: "unpack it and use rx add, or add a resource.json to it")
        }
        files.removeAll { $0.path.text == ResourceExporter.definitionName }
        let manifest = try ResourceManifest(definition: try Definition(parsing: definition), files: files)
        let record = try operation.commit(manifest, as: Reference(manifest.definition.locator))
        progress.end()
        return record
    }
}
