import RxModel
import RxStore
import Synchronization

/// The files of resources that were asked for a short time ago. What a manifest lists never changes; whether it may be seen is asked before.
final class TreeCache: Sendable {
    /// Thrown where nobody may wait for a long manifest to be read.
    struct MustWait: Error {}

    private struct Entry {
        let tree: ResourceTree
        let weight: Int
        var usedAt: Int
    }

    private struct State {
        var entries: [Digest: Entry] = [:]
        var weight = 0
        /// Counts the uses.
        var now = 0
    }

    /// A manifest of more files may have more than 1 MiB.
    static let longCount = 2048

    private let limit: Int
    private let state = Mutex(State())

    /// Holds about `limit` bytes; one resource that has more is held alone.
    init(limit: Int = 32 << 20) { self.limit = limit }

    /// The files of a record, read by `load` when they are not held. Long manifests are read one at a time, each once however many ask for it,
    /// on a thread that may wait: `workers` are nil on another, and then `MustWait` is thrown.
    func tree(of record: ResourceRecord, on workers: Workers?, load: () throws -> ResourceTree) throws -> ResourceTree {
        if let tree = held(record.manifestDigest) { return tree }
        guard TreeCache.isLong(record) else { return keep(try load(), of: record) }
        guard let workers else { throw MustWait() }
        return try workers.alone { try held(record.manifestDigest) ?? keep(load(), of: record) }
    }

    /// Whether there is much to read: many files, or the manifests that an index lists.
    private static func isLong(_ record: ResourceRecord) -> Bool {
        record.fileCount > longCount || !record.isResource && record.mediaType != MediaType.imageManifest
    }

    private func held(_ digest: Digest) -> ResourceTree? {
        state.withLock { state in
            guard state.entries[digest] != nil else { return nil }
            state.now += 1
            state.entries[digest]!.usedAt = state.now
            return state.entries[digest]!.tree
        }
    }

    private func keep(_ tree: ResourceTree, of record: ResourceRecord) -> ResourceTree {
        // What a foreign artifact shows as files depends on what is there besides.
        guard record.isResource else { return tree }
        let weight = tree.files.reduce(4096) { $0 + 160 + $1.path.text.utf8.count + ($1.symlink?.utf8.count ?? 0) }
        state.withLock { state in
            state.now += 1
            let old = state.entries.updateValue(Entry(tree: tree, weight: weight, usedAt: state.now), forKey: record.manifestDigest)
            state.weight += weight - (old?.weight ?? 0)
            while state.weight > limit, state.entries.count > 1, let oldest = state.entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
                state.weight -= oldest.value.weight
                state.entries[oldest.key] = nil
            }
        }
        return tree
    }
}
