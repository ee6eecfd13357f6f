import RxChunks
import RxModel
import RxPosix
import RxProtocol
import RxStore
import Synchronization

/// Finds chunks in the blobs that a repository shows, and nowhere else. Source: Specs/13-chunks.
final class ChunkService: Sendable {
    /// How many blobs are looked at for one, and how many bytes they have together.
    static let baseCount = Delta.baseLimit
    static let baseBytes = 8 << 30
    /// How many of a repository's large blobs the bases are chosen from.
    private static let searchLimit = 256
    /// How much of such work is done at a time; who comes then is told to come again.
    static let turns = 2
    /// When so much of a list is found, in sixteenths, no further base is looked at.
    private static let enough = 15

    let store: any Store
    let workers: Workers
    private let cache: ChunkIndexCache
    private let busy = Mutex(0)
    private let isAhead = Mutex(false)

    /// Keeps indexes in `folder`.
    init(folder: String, store: any Store, workers: Workers) {
        cache = ChunkIndexCache(folder: folder)
        self.store = store
        self.workers = workers
    }

    /// Does long work. Throws `RegistryError` (`overloaded`) while there is as much of it as is done at a time.
    func taking<Value>(_ work: () throws -> Value) throws -> Value {
        try busy.withLock { busy in
            guard busy < ChunkService.turns else {
                throw RegistryError("the server is busy with the chunks of others", code: .overloaded, hint: "try again in a moment")
            }
            busy += 1
        }
        defer { busy.withLock { $0 -= 1 } }
        try workers.check()
        return try work()
    }

    /// The index of a blob; made when there is none yet.
    func index(of blob: StagedBlob) throws -> ChunkIndex {
        try cache.index(of: blob) { CancellableSource(RegionSource(try store.content(of: blob).region()), workers) }
    }

    /// Makes the index of a blob that is about to be asked for, on another thread; one at a time.
    func prepare(_ blob: StagedBlob) {
        guard
            isAhead.withLock({ isAhead in
                defer { isAhead = true }
                return !isAhead
            })
        else { return }
        let taken = workers.long.submit { [self] in
            _ = try? index(of: blob)
            isAhead.withLock { $0 = false }
        }
        if !taken { isAhead.withLock { $0 = false } }
    }

    /// Lets the indexes of blobs be made again that led to a wrong result.
    func forget(_ blobs: [Digest]) { for digest in blobs { cache.forget(digest) } }

    /// Keeps the index of a blob that was just made from others whose indexes are kept: it follows from theirs and the new bytes alone, and
    /// the next version will be compared with this one. Without it the index is made when it is needed.
    func note(_ blob: StagedBlob, madeBy delta: DeltaReader) {
        guard !delta.parts.isEmpty, let content = try? store.content(of: blob).region() else { return }
        let index = try? ChunkIndex(of: delta.parts, size: blob.size) { number in
            guard let size = try? store.size(of: delta.bases[number]) else { return nil }
            return cache.cached(StagedBlob(digest: delta.bases[number], size: size))
        } fresh: { range in
            try ChunkIndex(reading: RegionSource(content, range))
        }
        if let index { cache.keep(index, of: blob.digest) }
    }

    /// What a blob of this path and size may be made from, the best first. None is the blob itself.
    func bases(for digest: Digest, size: Int, title: String?, in repository: String) throws -> [StagedBlob] {
        let large = try store.largeBlobs(
            registry: "", repository: repository, atLeast: ChunkIndex.smallestBlob, limit: ChunkService.searchLimit)
        return large.filter { $0.digest != digest && $0.size <= ChunkIndex.largestBlob }
            .bases(for: title, size: size, count: ChunkService.baseCount, bytes: ChunkService.baseBytes)
            .map { StagedBlob(digest: $0.digest, size: $0.size) }
    }

    /// Where the chunks of a list are in `bases`, and which of these have any; each of these is leased to the repository.
    func find(_ ids: [UInt64], in bases: [StagedBlob], of repository: String) throws -> (bases: [Digest], runs: [ChunkRun]) {
        var map = ChunkMap()
        var used: [StagedBlob] = []
        for base in bases {
            try workers.check()
            // One that was just removed, or that cannot be read, is none.
            guard let index = try? index(of: base) else { continue }
            map.add(index)
            used.append(base)
            if map.found(ids) * 16 >= ids.count * ChunkService.enough { break }
        }
        var numbers: [Int: Int] = [:]
        var named: [Digest] = []
        var runs: [ChunkRun] = []
        for run in map.runs(ids, limit: FoundChunks.runLimit) {
            if numbers[run.base] == nil {
                let digest = used[run.base].digest
                if try store.blob(.sha256(digest), in: repository, leasing: true) != nil {
                    numbers[run.base] = named.count
                    named.append(digest)
                } else {
                    numbers[run.base] = -1
                }
            }
            guard let number = numbers[run.base], number >= 0 else { continue }
            runs.append(ChunkRun(first: run.first, count: run.count, base: number, offset: run.offset, length: run.length))
        }
        return (named, runs)
    }

    /// The bytes of a base that a repository shows. Throws `RegistryError` "Blob not found" when it does not.
    func base(_ digest: Digest, in repository: String) throws -> any ByteRegion {
        guard let blob = try store.blob(.sha256(digest), in: repository, leasing: false) else {
            throw RegistryError("There is no blob \(digest) in repository \(repository)", code: .blobUnknown)
        }
        return try store.content(of: blob).region()
    }
}
