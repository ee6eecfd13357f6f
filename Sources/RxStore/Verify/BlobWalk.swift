import RxModel
import RxPosix
import Synchronization

/// Hands out every blob of the catalog, in the order of the digests, to several threads, and finds the files without a row on the way. Holds
/// one page of rows and the names of one folder. What is put or collected meanwhile is met or not.
final class BlobWalk: Sendable {
    private struct State {
        var folder = -1
        var page: ArraySlice<StagedBlob> = []
        /// The last one of the page; nil when the folder is over.
        var last: Digest?
        /// The files of the folder of which no row was met.
        var files: Set<Digest> = []
        var sample: Sample
        var isOver = false
        var strangers = 0
        var orphans = 0
    }

    static let pageSize = 1024

    private let catalog: Catalog
    private let layout: StoreLayout
    private let state: Mutex<State>

    /// Chooses `sample` blobs while it walks.
    init(_ store: DiskStore, sample: Int?) {
        catalog = store.catalog
        layout = store.layout
        state = Mutex(State(sample: Sample(sample ?? 0)))
    }

    /// The next blob; nil when all were handed out.
    func next() throws -> StagedBlob? {
        try state.withLock { state in
            while true {
                if let blob = state.page.popFirst() {
                    state.sample.meet(blob)
                    return blob
                }
                guard try turn(&state) else { return nil }
            }
        }
    }

    /// Blobs chosen from those handed out so far, each with the same probability.
    var sample: [StagedBlob] { state.withLock { $0.sample.chosen } }
    /// Files without a row.
    var orphans: Int { state.withLock { $0.orphans } }
    /// Files that are named like no blob.
    var strangers: Int { state.withLock { $0.strangers } }

    /// Loads the next page; false at the end.
    private func turn(_ state: inout State) throws -> Bool {
        guard !state.isOver else { return false }
        if let last = state.last {
            try load(&state, after: .digest(last))
            return true
        }
        if state.folder >= 0 { try count(&state) }
        state.folder += 1
        guard state.folder < 256 else {
            state.isOver = true
            return false
        }
        try list(&state)
        try load(&state, after: .blob([UInt8(state.folder)]))
        return true
    }

    private func load(_ state: inout State, after last: SQLValue) throws {
        // Longer than a digest: what follows the last one.
        let end = state.folder == 255 ? [UInt8](repeating: 0xFF, count: 33) : [UInt8(state.folder + 1)]
        let page = try catalog.read { database in
            try database.rows(
                "SELECT digest, size FROM blobs WHERE digest > ? AND digest < ? ORDER BY digest LIMIT ?", last, .blob(end),
                .integer(BlobWalk.pageSize)
            ) { StagedBlob(digest: try $0.digest(0), size: $0.size(1)) }
        }
        for blob in page { state.files.remove(blob.digest) }
        state.page = page[...]
        state.last = page.count < BlobWalk.pageSize ? nil : page.last?.digest
    }

    private func list(_ state: inout State) throws {
        let prefix = StoreLayout.prefixes[state.folder]
        var files: Set<Digest> = []
        for name in try Files.names(in: "\(layout.blobs)/\(prefix)") {
            if name.hasPrefix(prefix), let digest = Digest(hex: name) { files.insert(digest) } else { state.strangers += 1 }
        }
        state.files = files
    }

    /// Counts the files of the folder that have no row, still. A put renames and inserts in one write transaction.
    private func count(_ state: inout State) throws {
        let suspects = state.files
        state.files = []
        guard !suspects.isEmpty else { return }
        state.orphans += try catalog.exclusively { database in
            try suspects.filter { try !database.hasBlob($0) && Files.status(layout.blob($0)) != nil }.count
        }
    }
}

/// Chooses a number of blobs from a sequence of unknown length, each with the same probability. Source: Vitter, "Random Sampling with a
/// Reservoir", algorithm R.
struct Sample {
    private let count: Int
    private var met = 0
    private(set) var chosen: [StagedBlob] = []

    init(_ count: Int) { self.count = count }

    mutating func meet(_ blob: StagedBlob) {
        met += 1
        if chosen.count < count {
            chosen.append(blob)
        } else if count > 0, case let place = Int.random(in: 0..<met), place < count {
            chosen[place] = blob
        }
    }
}
