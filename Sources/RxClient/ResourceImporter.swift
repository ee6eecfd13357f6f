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
    /// refused or has no resource.json, `DefinitionError` for a bad one, both naming the archive; nothing is stored then.
    public func importArchive(_ path: String) throws -> ResourceRecord {
        let source = try FileDescriptor.open(path, O_RDONLY)
        let status = try source.status()
        progress.begin("importing", total: status.isRegular ? Int(status.st_size) : nil)
        defer { progress.end() }
        do {
            return try store(MeteredSource(FileSource(source), progress))
        } catch let error as ContentError {
            throw ContentError("\(path): \(error.message)", code: error.code, hint: error.hint)
        } catch let error as DefinitionError {
            throw DefinitionError("\(path): \(Definition.fileName): \(error.message)", field: error.field, code: error.code)
        }
    }

    private func store(_ archive: any ByteSource) throws -> ResourceRecord {
        let operation = try store.begin()
        // The definition is read, not stored: it lives in the manifest.
        var written: [UInt8] = []
        var current: FilePath?
        let all = try readArchive(
            archive,
            select: { path in
                current = path
                return path
            }
        ) { content in
            guard current?.text == Definition.fileName else {
                let blob = try operation.stage(content, expecting: nil)
                return (blob.digest, blob.size)
            }
            written = try content.readAll(limit: ResourceImporter.definitionLimit)
            return (sha256(written), written.count)
        }
        guard let entry = all.first(where: { $0.path.text == Definition.fileName && $0.symlink == nil }) else {
            throw ContentError("it holds no \(Definition.fileName)", hint: "unpack it and use rx add, or add a resource.json to it")
        }
        let files = all.filter { $0.path.text != Definition.fileName }
        let text: [UInt8]
        if entry.digest == sha256(written) {
            text = written
            // A hard link, or a file with the same bytes, is content all the same.
            if files.contains(where: { $0.digest == entry.digest }) { _ = try operation.stage(BytesSource(text), expecting: entry.digest) }
        } else {
            // It is itself a hard link, to a file of the content.
            try operation.publish()
            text = try store.open(entry.digest).readAll(limit: ResourceImporter.definitionLimit)
        }
        let manifest = try ResourceManifest(definition: try Definition(parsing: text), files: files)
        return try operation.commit(manifest, as: Reference(manifest.definition.locator))
    }
}
