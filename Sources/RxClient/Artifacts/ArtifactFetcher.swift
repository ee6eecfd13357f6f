import RxArchive
import RxCrypto
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Brings the blobs of artifacts into an operation of the local store: only those that it lacks, several at once, each verified.
struct ArtifactFetcher {
    /// Up to which length a blob that did not come whole is fetched again from its start, in bytes.
    static let shortSize = 8 << 20
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
        progress.begin("pulling", total: missing.totalSize)
        let names = Mutex<[ContentDigest: Digest]>([:])
        do {
            let absent = try fetchTogether(missing, from: origin, into: operation)
            try origin.gate.forEach(0..<absent.count) { index in
                let blob = absent[index]
                let digest = try ArtifactFetcher.fetch(blob, from: origin, into: operation, progress)
                meter.sent(blob.size)
                if blob.digest.sha256 == nil { names.withLock { $0[blob.digest] = digest } }
            }
        } catch {
            keep(operation, after: error)
            throw error
        }
        var found = names.withLock { $0 }
        for each in set.all where each.name.sha256 == nil { found[each.name] = each.stored.digest }
        return found
    }

    /// Stages those of the blobs that come in streams, when the origin sends such; gives the others.
    private func fetchTogether(_ blobs: [Descriptor], from origin: some ArtifactOrigin, into operation: any StoreOperation) throws
        -> [Descriptor]
    {
        let freight = Freight(blobs.freight)
        guard origin.hasStreams, freight.streams.reduce(0, { $0 + $1.count }) > 1 else { return blobs }
        let intake = BlobIntake(operation, progress, meter)
        let result = Result {
            try WorkerPool.forEach(0..<freight.streams.count, threads: Freight.lanes) { index in
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

    /// Keeps what came whole before an error, for the next try; nothing of one who sends something else than was asked for.
    private func keep(_ operation: any StoreOperation, after error: any Error) {
        guard !(error is ContentError), !(error is ManifestError) else { return }
        try? operation.publish()
    }

    /// Stages one blob; gives its SHA-256.
    static func fetch(
        _ blob: Descriptor, from origin: some ArtifactOrigin, into operation: any StoreOperation, _ progress: any Progress
    ) throws -> Digest {
        guard let digest = blob.digest.sha256 else {
            let source = try blob.inlined.map { BytesSource($0) } ?? origin.open(blob)
            return try operation.stage(NamedSource(source, digest: blob.digest), expecting: nil).digest
        }
        if let bytes = blob.inlined { return try operation.stage(BytesSource(bytes), expecting: digest).digest }
        if blob.size > ArtifactFetcher.shortSize, let partial = try operation.partial(digest, size: blob.size) {
            let held = partial.offset
            if try complete(partial, blob, from: origin, again: held > 0, progress) { return digest }
        }
        return try operation.stage(origin.open(blob), expecting: digest).digest
    }

    /// Fetches what is missing of a long blob. When what was kept of it turns out to be damaged, all of it is fetched once more. False for
    /// an origin that has no tails.
    private static func complete(
        _ partial: any PartialBlob, _ blob: Descriptor, from origin: some ArtifactOrigin, again: Bool, _ progress: any Progress
    ) throws -> Bool {
        guard let source = try origin.tail(blob, from: partial.offset) else { return false }
        progress.advance(partial.offset)
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            while case let count = try source.read(into: buffer), count > 0 {
                try partial.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        do { try partial.finish() } catch let error as ContentError where again && error.code == .digestInvalid {
            return try complete(partial, blob, from: origin, again: false, progress)
        }
        return true
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
