import Glibc
import RxArchive
public import RxModel
import RxPosix
import RxStore

extension ResourceExporter {
    /// Writes content and resource.json as one deterministic archive, replacing the file in one step.
    public func export(_ manifest: ResourceManifest, toArchive target: String) throws {
        try refuseOwnDefinition(manifest)
        let aside = "\(target).rx-\(RandomName.make())"
        progress.begin("writing", total: nil)
        defer { progress.end() }
        try Interruption.cleaning(aside) {
            do {
                let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                try writeWithDefinition(manifest, to: MeteredSink(FileSink(file), progress))
                try file.sync()
                try Files.rename(aside, to: target)
            } catch {
                Files.discard(aside)
                throw error
            }
        }
    }

    private func writeWithDefinition(_ manifest: ResourceManifest, to sink: any ByteSink) throws {
        let bytes = text(manifest.definition)
        let name = try FilePath(parsing: Definition.fileName)
        let writer = ArchiveWriter(to: sink)
        var pending: FilePath? = name
        func writeDefinition() throws {
            try writer.add(path: name, size: bytes.count, content: BytesSource(bytes))
            pending = nil
        }
        for file in manifest.files {
            if let name = pending, name < file.path { try writeDefinition() }
            try writer.add(file, open: store.open)
        }
        if pending != nil { try writeDefinition() }
        try writer.finish()
    }
}
