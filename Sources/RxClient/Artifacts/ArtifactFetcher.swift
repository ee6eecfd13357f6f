import RxArchive
import RxCrypto
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Brings the blobs of artifacts into an operation of the local store: only those that it lacks, several at once, each verified.
struct ArtifactFetcher {
    /// How many blobs are fetched at once.
    static let connections = 8
    /// The longest list of files of a packed resource that is read, in bytes.
    static let indexLimit = 256 << 20

    let progress: any Progress
    /// How large blobs are fetched by what differs, and the repository that has them; nil for a registry without such calls.
    var deltas: (transfer: DeltaTransfer, repository: String)?

    /// Stages every blob of the artifact and of what belongs to it. Gives the SHA-256 of everything that is named by another digest.
    func fetch(_ set: ArtifactSet, from origin: some ArtifactOrigin, into operation: any StoreOperation) throws -> [ContentDigest: Digest] {
        let blobs = set.all.blobs
        var sizes: [Digest: Int] = [:]
        for blob in blobs { if let digest = blob.digest.sha256 { sizes[digest] = blob.size } }
        let present = try operation.lease(sizes)
        let absent = blobs.filter { blob in !(blob.digest.sha256.map { present.contains($0) } ?? false) }
        progress.begin("pulling", total: absent.totalSize)
        let names = Mutex<[ContentDigest: Digest]>([:])
        let deltas = deltas
        try WorkerPool.forEach(0..<absent.count, threads: ArtifactFetcher.connections) { index in
            let blob = absent[index]
            if let deltas, deltas.transfer.fetch(blob, from: deltas.repository, like: [], into: operation) {
                progress.advance(blob.size)
                return
            }
            let source = try blob.inlined.map { BytesSource($0) } ?? origin.open(blob)
            if let digest = blob.digest.sha256 {
                _ = try operation.stage(source, expecting: digest)
            } else {
                let named = NamedSource(source, digest: blob.digest)
                let staged = try operation.stage(named, expecting: nil)
                names.withLock { $0[blob.digest] = staged.digest }
            }
        }
        var found = names.withLock { $0 }
        for each in set.all where each.name.sha256 == nil { found[each.name] = each.stored.digest }
        return found
    }

    /// Unpacks a packed resource; gives its manifest, once list, archive, tree digest and manifest digest all agree.
    ///
    /// Throws `ContentError` or `ManifestError` when they do not; what was staged until then is the caller's to drop.
    func unpack(_ packed: PackedResource, from origin: some ArtifactOrigin, into operation: any StoreOperation) throws -> ResourceManifest {
        let manifest = try ArtifactFetcher.manifest(of: packed, from: origin)
        progress.begin("pulling", total: packed.archive.size)
        let present = try operation.lease(manifest.blobs)
        guard !manifest.files.allSatisfy({ present.contains($0.digest) }) else { return manifest }
        let limits = ArchiveLimits(maxEntries: max(manifest.files.count * 4, 1000), maxUnpackedBytes: manifest.size)
        let files = try readArchive(ArtifactFetcher.verified(packed.archive, from: origin), limits: limits) { content in
            let blob = try operation.stage(content, expecting: nil)
            return (blob.digest, blob.size)
        }
        guard files == manifest.files else {
            throw ContentError(
                "a packed resource's archive holds other files than its list", code: .digestInvalid, hint: "nothing was stored")
        }
        return manifest
    }

    /// The manifest that a packed resource stands for, made from its list of files.
    static func manifest(of packed: PackedResource, from origin: some ArtifactOrigin) throws -> ResourceManifest {
        let files = try FileIndex.files(parsing: verified(packed.index, from: origin).readAll(limit: indexLimit))
        let manifest = try ResourceManifest(definition: packed.definition, files: files)
        guard manifest.tree == packed.tree, manifest.digest == packed.manifest else {
            throw ContentError(
                "a packed resource's list of files does not have the digests that its manifest gives", code: .digestInvalid,
                hint: "nothing was stored")
        }
        return manifest
    }

    private static func verified(_ blob: Descriptor, from origin: some ArtifactOrigin) throws -> any ByteSource {
        guard let digest = blob.digest.sha256 else { throw ManifestError("a packed resource's layer is named by \(blob.digest)") }
        return VerifyingSource(try origin.open(blob), digest: digest, size: blob.size)
    }
}

/// Passes bytes on and throws in place of the end when they do not have the SHA-512 that was promised.
private final class NamedSource: ByteSource {
    private let source: any ByteSource
    private let hasher = SHA512Hasher()
    private let expected: ContentDigest
    private var isOver = false

    init(_ source: any ByteSource, digest: ContentDigest) {
        self.source = source
        expected = digest
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try source.read(into: buffer)
        guard count == 0 else {
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return count
        }
        guard !isOver else { return 0 }
        isOver = true
        let got = hasher.finish()
        guard got == expected else { throw ContentError.mismatch(expected: expected, got: got) }
        return 0
    }
}
