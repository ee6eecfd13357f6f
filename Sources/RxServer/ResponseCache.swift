import Glibc
import RxHTTP
import RxModel
import RxPosix
import RxStore
import Synchronization

/// An answer of 200 that can be given again, in whole or in part.
struct CachedAnswer: Sendable {
    /// A blob of up to this length is held in memory once it was asked for again.
    static let memoryLimit = 128 << 10

    private let whole: HTTPResponse
    private let unchanged: HTTPResponse
    private let tag: EntityTag
    /// What a blob's bytes are to who asked, for messages; nil for what is no blob. A blob's answer is given for GET alone, because a HEAD
    /// promises that the blob stays.
    private let what: String?
    /// The file that it is sent from and what that looked like when its bytes were right; nil for what is in memory.
    private let source: (file: FileDescriptor, state: FileState)?

    /// An answer in memory with its entity tag.
    init(_ whole: HTTPResponse, tag: EntityTag) { self.init(whole, tag, what: nil, nil) }

    /// An answer that is a blob's whole file, whose bytes are right now; nil when nobody can tell what it looks like.
    init?(_ whole: HTTPResponse, tag: EntityTag, what: String, file: FileDescriptor) {
        guard let state = try? FileState(file) else { return nil }
        self.init(whole, tag, what: what, (file, state))
    }

    private init(_ whole: HTTPResponse, _ tag: EntityTag, what: String?, _ source: (file: FileDescriptor, state: FileState)?) {
        self.whole = whole
        self.what = what
        self.source = source
        self.tag = tag
        var headers = whole.headers
        headers["Content-Type"] = nil
        // A 304 tells the length of the 200 but never sends it.
        unchanged = HTTPResponse(304, headers: headers, body: whole.body)
    }

    /// Whether it holds a file open.
    var isFile: Bool { source != nil }

    /// Whether its file, if it has one, is as it was when its bytes were right.
    var isCurrent: Bool {
        guard let source else { return true }
        return (try? FileState(source.file)) == source.state
    }

    /// The number of bytes it holds in memory.
    var size: Int { isFile ? 0 : whole.body.count }

    /// The same answer from memory instead of its file; nil when it is long, has no file, the file cannot be read, or the budget has no room.
    func inMemory(_ budget: MemoryBudget) -> CachedAnswer? {
        guard case .file(let file, let offset, let length) = whole.body, 1...CachedAnswer.memoryLimit ~= length else { return nil }
        let memory = MemoryBody(count: length, from: budget) { max(0, pread(file.number, $0.baseAddress, length, off_t(offset))) }
        guard let memory, memory.bytes.count == length, isCurrent else { return nil }
        return CachedAnswer(HTTPResponse(whole.status, headers: whole.headers, body: .memory(memory, 0..<length)), tag, what: what, nil)
    }

    /// The answer to one request; nil for one that it does not answer.
    func response(to request: HTTPRequest) -> HTTPResponse? {
        if let what {
            guard request.method == "GET" else { return nil }
            return HTTPResponse.ranged(whole.body, tag: tag, headers: whole.headers, to: request, what: what)
        }
        guard let asked = request.headers["If-None-Match"], tag.matches(ifNoneMatch: asked) else { return whole }
        return unchanged
    }
}

/// Answers that can be given again as long as the store has not changed. Bounded in number, bytes and open files.
final class ResponseCache: Sendable {
    private struct State {
        var version = Int.min
        var entries: [String: (answer: CachedAnswer, length: Int)] = [:]
        var bytes = 0
        var files = 0
    }

    private let entryLimit: Int
    private let byteLimit: Int
    private let fileLimit: Int
    /// Beside what is kept, it has room for what was kept and is still being sent.
    private let budget: MemoryBudget
    private let state = Mutex(State())

    init(entryLimit: Int = 8192, byteLimit: Int = 16 << 20, fileLimit: Int = 256) {
        self.entryLimit = entryLimit
        self.byteLimit = byteLimit
        self.fileLimit = fileLimit
        budget = MemoryBudget(limit: byteLimit + byteLimit / 2)
    }

    /// The answer for a path, when it was made at the version that the store has now. The version is asked for only then.
    func answer(_ path: String, version: () throws -> Int) -> CachedAnswer? {
        let found = state.withLock { state in state.entries[path].map { (answer: $0.answer, length: $0.length, version: state.version) } }
        // Strings compare by canonical equivalence, paths by bytes: what is equal to ASCII and as long is ASCII.
        guard let found, found.length == path.utf8.count, let version = try? version(), version == found.version else { return nil }
        guard let warm = found.answer.inMemory(budget) else { return found.answer.isCurrent ? found.answer : nil }
        keep(warm, for: path, version: version)
        return warm
    }

    /// Keeps an answer. `version` is the store's from before the answer was made: a change in between makes the entry useless, not wrong.
    func keep(_ entry: CachedAnswer, for path: String, version: Int) {
        let size = entry.size + path.utf8.count
        guard size < byteLimit / 16, path.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        state.withLock { state in
            let isFull = state.entries.count >= entryLimit || state.bytes + size > byteLimit || entry.isFile && state.files >= fileLimit
            if state.version != version || isFull {
                state.entries.removeAll(keepingCapacity: state.version != version)
                state.bytes = 0
                state.files = 0
                state.version = version
            }
            if let old = state.entries.updateValue((entry, path.utf8.count), forKey: path) {
                state.bytes -= old.answer.size + path.utf8.count
                state.files -= old.answer.isFile ? 1 : 0
            }
            state.bytes += size
            state.files += entry.isFile ? 1 : 0
        }
    }
}
