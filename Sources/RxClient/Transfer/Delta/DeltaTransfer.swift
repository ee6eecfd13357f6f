import RxChunks
import RxHTTP
import RxModel
import RxStore
import Synchronization

/// Moves large blobs between a store and an rx registry by what differs from blobs that the other side has; one at a time, because it is
/// the processor that such work waits for. Source: Specs/13-chunks.
final class DeltaTransfer: BlobDelta {
    private let client: DistributionClient
    private let store: any Store
    private let indexes: ChunkIndexCache
    private let turn = Mutex(())

    /// Works for the store of `home`, whose cache keeps the indexes of its blobs.
    init(_ client: DistributionClient, store: any Store, home: String) {
        self.client = client
        self.store = store
        indexes = ChunkIndexCache(folder: "\(home)/cache/chunks")
    }

    /// Tries to give a repository of the registry a blob of the local store; false when its bytes must be sent.
    func push(_ blob: Descriptor, to repository: String) -> Bool {
        guard let digest = blob.digest.sha256, DeltaChoice.mayPay(size: blob.size, title: blob.title) else { return false }
        let staged = StagedBlob(digest: digest, size: blob.size)
        let title = blob.title ?? known(repository).first { $0.digest == digest }?.title
        let sender = DeltaSender(client: client, repository: repository, indexes: indexes)
        return turn.withLock { _ in sender.send(staged, title: title) { try store.content(of: staged) } }
    }

    /// Tries to stage a blob of a repository of the registry in `operation`; false when its bytes must be fetched. It may be like those of
    /// `previous`, the best first, and like other large blobs that came from the repository.
    func fetch(_ blob: Descriptor, from repository: String, like previous: [Digest], into operation: any StoreOperation) -> Bool {
        guard let digest = blob.digest.sha256, DeltaChoice.mayPay(size: blob.size, title: blob.title) else { return false }
        let known = known(repository)
        // What a file was called before it is called now.
        let title = blob.title ?? known.first { $0.digest == previous.first }?.title
        let bases = bases(for: digest, size: blob.size, title, previous, known)
        guard !bases.isEmpty else { return false }
        let fetcher = DeltaFetcher(client: client, repository: repository, store: store, indexes: indexes)
        return turn.withLock { _ in
            fetcher.fetch(StagedBlob(digest: digest, size: blob.size), title: title, from: bases, into: operation)
        }
    }

    /// How many blobs of each registry the bases are chosen from.
    private static let searchLimit = 256

    /// The large blobs of a repository that are here: copies from the registry, and those of this store's own.
    private func known(_ repository: String) -> [LargeBlob] {
        [client.registry.authority, ""].flatMap { registry in
            (try? store.largeBlobs(
                registry: registry, repository: repository, atLeast: ChunkIndex.smallestBlob, limit: DeltaTransfer.searchLimit)) ?? []
        }
    }

    private func bases(for digest: Digest, size: Int, _ title: String?, _ previous: [Digest], _ known: [LargeBlob]) -> [StagedBlob] {
        var left = DeltaChoice.baseBytes
        var bases: [StagedBlob] = []
        func add(_ base: Digest, _ size: Int) {
            guard base != digest, size >= ChunkIndex.smallestBlob, size <= min(left, ChunkIndex.largestBlob),
                bases.count < DeltaChoice.baseCount, !bases.contains(where: { $0.digest == base })
            else { return }
            left -= size
            bases.append(StagedBlob(digest: base, size: size))
        }
        for base in previous { if let size = try? store.size(of: base) { add(base, size) } }
        for base in known.bases(for: title, size: size, count: DeltaChoice.baseCount, bytes: left) { add(base.digest, base.size) }
        return bases
    }
}
