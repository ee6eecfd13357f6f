import RxArchive
import RxCrypto
import RxModel
import RxPosix
import RxStore

/// Brings the blobs of artifacts into an operation of the local store: only those that it lacks, several at once, each verified.
struct ArtifactFetcher {
    /// How many blobs are fetched at once.
    static let connections = 8
    /// The longest list of files of a packed resource that is read, in bytes.
    static let indexLimit = 256 << 20

    let store: any Store
    let progress: any Progress

    /// Stages every blob of the artifact and of what belongs to it. `scratch` names the place of blobs that go by another digest than
    /// SHA-256 until the commit.
    func fetch(_ set: ArtifactSet, from origin: some ArtifactOrigin, into operation: any StoreOperation, scratch: String) throws {
        let blobs = set.all.blobs
        var sizes: [Digest: Int] = [:]
        for blob in blobs { if let digest = blob.digest.sha256 { sizes[digest] = blob.size } }
        let present = try operation.lease(sizes)
        let absent = blobs.filter { blob in !(blob.digest.sha256.map { present.contains($0) } ?? false) }
        progress.begin("pulling", total: absent.reduce(0) { $0 + $1.size })
        try WorkerPool.forEach(0..<absent.count, threads: ArtifactFetcher.connections) { index in
            let blob = absent[index]
            let source = try blob.inlined.map { BytesSource($0) } ?? origin.open(blob)
            guard let digest = blob.digest.sha256 else { return try stage(source, as: blob.digest, operation, scratch) }
            _ = try operation.stage(source, expecting: digest)
        }
        for each in set.all where each.name.sha256 == nil { try stage(BytesSource(each.stored.bytes), as: each.name, operation, scratch) }
    }

    /// Stores bytes under a digest that is not their SHA-256, which the store then knows as another name of theirs.
    private func stage(_ source: any ByteSource, as digest: ContentDigest, _ operation: any StoreOperation, _ scratch: String) throws {
        let upload = try store.beginUpload(in: scratch)
        try copyBytes(from: source, to: UploadSink(upload))
        let blob = try upload.finish(as: digest)
        guard try operation.lease([blob.digest: blob.size]).contains(blob.digest) else { throw RegistryError.blobNotFound(digest) }
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

/// Appends to an upload.
private final class UploadSink: ByteSink {
    private let upload: any UploadSession

    init(_ upload: any UploadSession) { self.upload = upload }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try upload.append(bytes) }
}
