import RxCrypto
import RxModel
import RxProtocol
import RxStore

/// Brings one blob into an operation of the local store: by what differs from blobs that are here, where that may be done, else its bytes;
/// those of a long one that came before are not asked for again.
struct BlobFetch: Sendable {
    let progress: any Progress
    /// How large blobs are fetched by what differs, and the repository that has them; nil for a registry without such calls.
    let delta: (transfer: any BlobDelta, repository: String)?

    /// Stages the blob; gives its SHA-256. `previous` are blobs here that may be like it, the best first.
    func fetch(
        _ blob: Descriptor, from origin: some ArtifactOrigin, like previous: [Digest] = [], into operation: any StoreOperation
    ) throws -> Digest {
        guard let digest = blob.digest.sha256 else {
            let source = try blob.inlined.map { BytesSource($0) } ?? origin.open(blob)
            return try operation.stage(NamedSource(source, digest: blob.digest), expecting: nil).digest
        }
        if let bytes = blob.inlined { return try operation.stage(BytesSource(bytes), expecting: digest).digest }
        if let delta, try delta.transfer.fetch(blob, from: delta.repository, like: previous, into: operation) {
            progress.advance(blob.size)
            return digest
        }
        if blob.size > TransferWire.largeBlob, let partial = try operation.partial(digest, size: blob.size) {
            let held = partial.offset
            if try complete(partial, blob, from: origin, again: held > 0) { return digest }
        }
        return try operation.stage(origin.open(blob), expecting: digest).digest
    }

    /// Fetches what is missing of a long blob. When what was kept of it turns out to be damaged, all of it is fetched once more. False for
    /// an origin that has no tails.
    private func complete(_ partial: any PartialBlob, _ blob: Descriptor, from origin: some ArtifactOrigin, again: Bool) throws -> Bool {
        guard let source = try origin.tail(blob, from: partial.offset) else { return false }
        progress.advance(partial.offset)
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            while case let count = try source.read(into: buffer), count > 0 {
                try partial.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        do { try partial.finish() } catch let error as ContentError where again && error.code == .digestInvalid {
            return try complete(partial, blob, from: origin, again: false)
        }
        return true
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
