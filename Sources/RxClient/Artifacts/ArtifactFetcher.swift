import RxArchive
import RxCrypto
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Brings the blobs of artifacts into an operation of the local store: only those that it lacks, several at once, each verified.
struct ArtifactFetcher {
    /// The longest list of files of a packed resource that is read, in bytes.
    static let indexLimit = 256 << 20

    let progress: any Progress
    let meter: TransferMeter

    /// Stages every blob of the artifact and of what belongs to it. Gives the SHA-256 of everything that is named by another digest.
    /// What came whole before an error is put into the store all the same: the next try does not fetch it again.
    func fetch(_ set: ArtifactSet, from origin: some ArtifactOrigin, into operation: any StoreOperation) throws -> [ContentDigest: Digest] {
        let blobs = set.all.blobs
        var sizes: [Digest: Int] = [:]
        for blob in blobs { if let digest = blob.digest.sha256 { sizes[digest] = blob.size } }
        let present = try operation.leaseOrSalvage(sizes)
        let missing = blobs.filter { blob in !(blob.digest.sha256.map { present.contains($0) } ?? false) }
        meter.total(blobs: blobs.count, bytes: blobs.totalSize)
        var found = try fetch(missing, from: origin, into: operation)
        for each in set.all where each.name.sha256 == nil { found[each.name] = each.stored.digest }
        return found
    }

    /// Stages blobs that are not here; gives the SHA-256 of those that are named by another digest. What came whole before an error is put into
    /// the store all the same. A single blob comes by a stream, where the origin has streams, only with `streamsSingle`.
    @discardableResult
    func fetch(_ missing: [Descriptor], from origin: some ArtifactOrigin, streamsSingle: Bool = false, into operation: any StoreOperation)
        throws
        -> [ContentDigest: Digest]
    {
        progress.begin("pulling", total: missing.totalSize)
        let names = Mutex<[ContentDigest: Digest]>([:])
        do {
            let absent = try fetchTogether(missing, from: origin, atLeast: streamsSingle ? 1 : 2, into: operation)
            let single = BlobFetch(progress: progress, delta: nil)
            try origin.gate.forEach(0..<absent.count) { index in
                let blob = absent[index]
                let digest = try single.fetch(blob, from: origin, into: operation)
                if blob.digest.sha256 == nil { names.withLock { $0[blob.digest] = digest } }
                meter.sent(blob.size)
            }
        } catch {
            keep(operation, after: error)
            throw error
        }
        return names.withLock { $0 }
    }

    /// Keeps what came whole before an error, for the next try; nothing of one who sends something else than was asked for.
    private func keep(_ operation: any StoreOperation, after error: any Error) {
        guard !(error is ContentError), !(error is ManifestError) else { return }
        try? operation.publish()
    }

    /// Stages those of the blobs that come in streams, when the origin sends such; gives the others.
    private func fetchTogether(
        _ blobs: [Descriptor], from origin: some ArtifactOrigin, atLeast least: Int, into operation: any StoreOperation
    ) throws -> [Descriptor] {
        let freight = Freight(blobs.freight)
        guard origin.hasStreams, freight.streams.reduce(0, { $0 + $1.count }) >= least else { return blobs }
        let intake = BlobIntake(operation, progress, meter)
        let result = Result {
            try WorkerPool.forEach(0..<freight.streams.count, threads: origin.gate.lanes) { index in
                let items = freight.streams[index]
                guard let stream = origin.stream(items) else { return }
                try intake.receive(stream, wanted: Dictionary(items.map { ($0.digest, $0.size) }) { first, _ in first })
            }
        }
        let (staged, failure) = intake.finish()
        do {
            if let failure { throw failure }
            try result.get()
        } catch let error as RegistryError where error.isAboutTheWay {
            // One by one, then.
        }
        let here = Set(staged)
        return blobs.filter { blob in !(blob.digest.sha256.map { here.contains($0) } ?? false) }
    }

    /// Unpacks a packed resource; gives its manifest, once list, archive, tree digest and manifest digest all agree.
    ///
    /// Throws `ContentError` or `ManifestError` when they do not; what was staged until then is the caller's to drop.
    func unpack(_ packed: PackedResource, from origin: some ArtifactOrigin, into operation: any StoreOperation) throws -> ResourceManifest {
        let manifest = try ArtifactFetcher.manifest(of: packed, from: origin)
        progress.begin("pulling", total: packed.archive.size)
        let present = try operation.leaseOrSalvage(manifest.blobs)
        guard !manifest.files.allSatisfy({ present.contains($0.digest) }) else { return manifest }
        let limits = ArchiveLimits(maxEntries: max(manifest.files.count * 4, 1000), maxUnpackedBytes: manifest.size)
        let files: [ResourceFile]
        do {
            files = try readArchive(ArtifactFetcher.verified(packed.archive, from: origin), limits: limits) { content in
                let blob = try operation.stage(content, expecting: nil)
                return (blob.digest, blob.size)
            }
        } catch {
            keep(operation, after: error)
            throw error
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
