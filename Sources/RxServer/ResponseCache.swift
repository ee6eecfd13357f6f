import RxHTTP
import RxModel
import Synchronization

/// An answer to GET and HEAD that can be given again.
struct CachedAnswer: Sendable {
    private let whole: HTTPResponse
    private let unchanged: HTTPResponse
    private let tag: EntityTag

    /// An answer of 200 with a body in memory and its entity tag.
    init(_ whole: HTTPResponse, tag: EntityTag) {
        self.whole = whole
        self.tag = tag
        var headers = whole.headers
        headers["Content-Type"] = nil
        // A 304 tells the length of the 200 but never sends it.
        unchanged = HTTPResponse(304, headers: headers, body: whole.body)
    }

    /// The number of bytes it holds.
    var size: Int { whole.body.count }

    /// The answer to one request.
    func response(to request: HTTPRequest) -> HTTPResponse {
        guard let asked = request.headers["If-None-Match"], tag.matches(ifNoneMatch: asked) else { return whole }
        return unchanged
    }
}

/// Answers that can be given again as long as the store has not changed. Bounded in number and bytes.
final class ResponseCache: Sendable {
    private struct State {
        var version = Int.min
        var entries: [String: CachedAnswer] = [:]
        var bytes = 0
    }

    private let entryLimit: Int
    private let byteLimit: Int
    private let state = Mutex(State())

    init(entryLimit: Int = 8192, byteLimit: Int = 8 << 20) {
        self.entryLimit = entryLimit
        self.byteLimit = byteLimit
    }

    /// The answer for a path, when it was made at the version that the store has now. The version is asked for only then.
    func answer(_ path: String, version: () throws -> Int) -> CachedAnswer? {
        let found = state.withLock { state in state.entries[path].map { (answer: $0, version: state.version) } }
        guard let found, let version = try? version(), version == found.version else { return nil }
        return found.answer
    }

    /// Keeps an answer. `version` is the store's from before the answer was made: a change in between makes the entry useless, not wrong.
    func keep(_ entry: CachedAnswer, for path: String, version: Int) {
        let size = entry.size + path.utf8.count
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
