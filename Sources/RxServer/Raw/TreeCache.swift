import RxModel
import RxStore
import Synchronization

/// The files of resources that were asked for a short time ago. What a manifest lists never changes; whether it may be seen is asked before.
final class TreeCache: Sendable {
    private struct State {
        var trees: [Digest: ResourceTree] = [:]
        var files = 0
    }

    private let fileLimit: Int
    private let state = Mutex(State())

    /// Holds at most `fileLimit` files of all resources together.
    init(fileLimit: Int = 100_000) { self.fileLimit = fileLimit }

    /// The files of a record, read by `load` when they are not held.
    func tree(of record: ResourceRecord, load: () throws -> ResourceTree) rethrows -> ResourceTree {
        let digest = record.manifestDigest
        // What a foreign artifact shows as files depends on what is there besides.
        guard record.isResource, record.fileCount <= fileLimit else { return try load() }
        if let tree = state.withLock({ $0.trees[digest] }) { return tree }
        let tree = try load()
        state.withLock { state in
            if state.files + tree.files.count > fileLimit { state = State() }
            if state.trees.updateValue(tree, forKey: digest) == nil { state.files += tree.files.count }
        }
        return tree
    }
}
