import RxArchive
import RxCrypto
import RxModel
import RxPosix

/// Compares archives with what they were made of.
enum ArchiveProof {
    /// Whether the archive at `path` holds exactly the files of a resource; nil when it is not there, or cannot be read at all.
    static func isRight(_ path: String, of manifest: ResourceManifest) throws -> Bool? {
        guard let source = try? FileSource(path: path) else { return nil }
        let limits = ArchiveLimits(maxEntries: max(manifest.files.count * 4, 1000), maxUnpackedBytes: manifest.size)
        do {
            let files = try readArchive(source, limits: limits) { content in
                let hasher = SHA256Hasher()
                var size = 0
                try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
                    while case let count = try content.read(into: buffer), count > 0 {
                        hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                        size += count
                    }
                }
                return (hasher.finish(), size)
            }
            return files == manifest.files
        } catch let error as any ResourceError where !(error is PosixError) { return false }
    }
}
