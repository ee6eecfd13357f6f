import Glibc
package import RxChunks
package import RxModel
import RxPosix
import Synchronization

/// The chunk indexes of blobs: made when they are first needed, kept as files up to a total size, the longest unused going first.
///
/// A file's name is its blob's digest. Several processes may share the folder, and anybody may delete from it or damage it at any time:
/// what is read is checked against the blob's length, and what a wrong index leads to is found by the digest of the whole.
/// Source: Specs/13-chunks, "The index".
package final class ChunkIndexCache: Sendable {
    /// How many bytes of indexes are kept: those of about 1 TiB of blobs.
    package static let standardLimit = 128 << 20

    private let folder: String
    private let limit: Int
    /// Which indexes are being made.
    private let flights = Monitor<Set<Digest>>([])

    /// Keeps at most `limit` bytes in `folder`, which is made when it is missing.
    package init(folder: String, limit: Int = ChunkIndexCache.standardLimit) {
        self.folder = folder
        self.limit = limit
    }

    /// The index of a blob: the kept one, else one that is made from what `open` gives and kept. All who want the same wait for one of them
    /// to make it. Throws what `open` and its source throw, and `ContentError` when the source has another length.
    package func index(of blob: StagedBlob, _ open: () throws -> any ByteSource) throws -> ChunkIndex {
        if let index = cached(blob) { return index }
        _ = flights.wait { $0.insert(blob.digest).inserted ? true : nil }
        defer { flights.update { _ = $0.remove(blob.digest) } }
        if let index = cached(blob) { return index }
        let source = try open()
        let index = try ChunkIndex(reading: JoinedSource { $0 == 0 ? source : nil })
        guard index.size == blob.size else {
            throw ContentError("blob \(blob.digest) has \(index.size) bytes, not \(blob.size)", code: .contentDamaged)
        }
        keep(index, of: blob.digest)
        return index
    }

    /// The index of a blob when it is kept and can be one; what cannot is removed.
    package func cached(_ blob: StagedBlob) -> ChunkIndex? {
        guard let file = try? FileDescriptor.open(path(blob.digest), O_RDONLY),
            let records = try? FileSource(file).readAll(limit: ChunkIndex.countLimit * ChunkIndex.recordBytes)
        else { return nil }
        guard let index = ChunkIndex(records: records, size: blob.size) else {
            forget(blob.digest)
            return nil
        }
        Files.touch(path(blob.digest))
        return index
    }

    /// Removes an index: it is made again when it is next needed.
    package func forget(_ digest: Digest) { Files.discard(path(digest)) }

    private func path(_ digest: Digest) -> String { "\(folder)/\(digest.hex)" }

    private static let unfinished = ".part"
    /// Nobody writes to a file this long, in seconds.
    private static let abandonedAfter = 3600

    /// Keeps an index that is known without the blob's being read. A cache that cannot be written to, such as on a full disk, is none.
    package func keep(_ index: ChunkIndex, of digest: Digest) {
        guard (try? Files.makeFolders(folder)) != nil else { return }
        let aside = "\(folder)/\(RandomName.make())\(ChunkIndexCache.unfinished)"
        do {
            let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try file.write(index.records)
            // After a power failure the name would have less, or none, of the bytes: an index that is taken for damage.
            try file.syncData()
            try Files.rename(aside, to: path(digest))
            evict()
        } catch { Files.discard(aside) }
    }

    /// Removes the longest unused until the rest fits, and what killed processes left.
    private func evict() {
        guard let names = try? Files.names(in: folder) else { return }
        for name in names where name.hasSuffix(ChunkIndexCache.unfinished) {
            let path = "\(folder)/\(name)"
            guard let status = try? Files.status(path), status.isRegular else { continue }
            if Clock.now - status.st_mtim.tv_sec > ChunkIndexCache.abandonedAfter { Files.discard(path) }
        }
        Files.evict(names.lazy.filter { !$0.hasSuffix(ChunkIndexCache.unfinished) }.map { "\(folder)/\($0)" }, bytes: limit)
    }
}
