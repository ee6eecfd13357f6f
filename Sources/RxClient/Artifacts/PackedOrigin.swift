import Glibc
import RxArchive
import RxCrypto
import RxModel
import RxPosix
import RxStore

/// A resource in packed form, ready to be sent: its archive lies in a file that has no name any more and ends with this object.
///
/// The same resource gives the same bytes, wherever and whenever it is packed. Source: Specs/03-manifest, "Packed form".
final class PackedOrigin: ArtifactOrigin {
    let packed: PackedResource
    private let index: [UInt8]
    private let archive: FileDescriptor

    /// Packs a resource, whose manifest has the digest `digest`; `folder` takes the archive, and `open` gives the bytes of its blobs.
    init(_ resource: ResourceManifest, digest: Digest, in folder: String, open: (Digest) throws -> any ByteSource) throws {
        index = FileIndex.bytes(resource.files)
        try Files.makeFolders(folder)
        let path = "\(folder)/packed-\(RandomName.make())"
        archive = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        Files.discard(path)
        let sink = HashingSink(FileSink(archive))
        try writeArchive(files: resource.files, to: sink, open: open)
        packed = PackedResource(
            resource, manifest: digest, archive: (sink.hasher.finish(), sink.size), index: (sha256(index), index.count))
    }

    /// The packed manifest.
    var set: ArtifactSet {
        get throws {
            let bytes = packed.bytes
            let stored = StoredArtifact(bytes: bytes, mediaType: MediaType.imageManifest, digest: sha256(bytes))
            return try ArtifactSet(ReadManifest(stored, of: "the packed manifest"), from: self)
        }
    }

    func artifact(_ name: ArtifactName) throws -> StoredArtifact? { nil }

    func referrers(of digest: ContentDigest) throws -> [Descriptor] { [] }

    func open(_ blob: Descriptor) throws -> any ByteSource {
        switch blob.digest {
        case packed.archive.digest: FileRangeSource(archive)
        case packed.index.digest: BytesSource(index)
        default: BytesSource(ResourceManifest.emptyConfig)
        }
    }

    var hasStreams: Bool { false }

    func stream(_ items: [FreightItem]) -> (any ByteSource)? { nil }

    func mountable(at authority: String) -> String? { nil }
}

/// Passes bytes on, hashes and counts them.
private final class HashingSink: ByteSink {
    private let sink: any ByteSink
    let hasher = SHA256Hasher()
    private(set) var size = 0

    init(_ sink: any ByteSink) { self.sink = sink }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        hasher.update(bytes)
        size += bytes.count
        try sink.write(bytes)
    }
}
