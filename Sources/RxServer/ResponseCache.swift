import RxModel
import Synchronization

/// Answers that can be given again as long as the store has not changed. Bounded in number and bytes.
final class ResponseCache: Sendable {
    /// A ready answer about one resource.
    struct Entry: Sendable {
        let body: [UInt8]
        /// The manifest digest, as the entity tag writes it.
        let etag: String
    }

    private struct State {
        var version = Int.min
        var entries: [String: Entry] = [:]
        var bytes = 0
    }

    private let entryLimit: Int
    private let byteLimit: Int
    private let state = Mutex(State())

    init(entryLimit: Int = 8192, byteLimit: Int = 8 << 20) {
        self.entryLimit = entryLimit
        self.byteLimit = byteLimit
    }

    /// The answer for a path that was made at this version of the store.
    func entry(_ path: String, version: Int) -> Entry? {
        state.withLock { $0.version == version ? $0.entries[path] : nil }
    }

    /// Keeps an answer. `version` is the store's from before the answer was made: a change in between makes the entry useless, not wrong.
    func keep(_ entry: Entry, for path: String, version: Int) {
        let size = entry.body.count + path.utf8.count
        // Strings compare by canonical equivalence, paths by bytes: the two agree on ASCII.
        guard size < byteLimit / 16, path.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        state.withLock { state in
            if state.version != version || state.entries.count >= entryLimit || state.bytes + size > byteLimit {
                state.entries.removeAll(keepingCapacity: state.version != version)
                state.bytes = 0
                state.version = version
            }
            if state.entries.updateValue(entry, forKey: path) == nil { state.bytes += size }
        }
    }
}
