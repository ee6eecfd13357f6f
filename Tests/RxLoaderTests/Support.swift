import RxCrypto
import RxHTTP
import RxLoader
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

/// Answers what it was asked, and remembers it.
final class Echo: Resource {
    private let name: String
    private let seen = Mutex<[(method: String, headers: Headers, body: Body)]>([])

    init(_ name: String = "") { self.name = name }

    var requests: [(method: String, headers: Headers, body: Body)] { seen.withLock { $0 } }

    func get(_ headers: Headers) async -> Reply {
        seen.withLock { $0.append(("get", headers, .empty)) }
        return Reply(.text(headers.path), type: name)
    }

    func put(_ headers: Headers, _ body: Body) async -> Reply {
        seen.withLock { $0.append(("put", headers, body)) }
        return Reply(body, type: name)
    }
}

/// Gives one answer after another; the last one again and again.
final class Script: Resource {
    private let state: Mutex<(replies: [Reply], asked: Int)>

    init(_ replies: Reply...) { state = Mutex((replies, 0)) }

    var asked: Int { state.withLock { $0.asked } }

    private func next() -> Reply {
        state.withLock { state in
            defer { state.asked += 1 }
            return state.replies[min(state.asked, state.replies.count - 1)]
        }
    }

    func get(_ headers: Headers) async -> Reply { next() }
    func put(_ headers: Headers, _ body: Body) async -> Reply { next() }
}

/// A time that moves only when somebody moves it, or sleeps.
final class TestTime: Sendable {
    private let state = Mutex((now: Duration.zero, slept: [Duration]()))

    var slept: [Duration] { state.withLock { $0.slept } }

    func advance(_ duration: Duration) { state.withLock { $0.now += duration } }

    var source: TimeSource {
        TimeSource(now: { self.state.withLock { $0.now } }) { duration in
            try Task.checkCancellation()
            self.state.withLock { state in
                state.now += duration
                state.slept.append(duration)
            }
        }
    }
}

/// Waits until something is so; fails the test when it is not within a minute.
func eventually(_ what: String, _ isSo: () async -> Bool) async {
    for _ in 0..<60_000 {
        if await isSo() { return }
        try? await Task.sleep(for: .milliseconds(1))
    }
    Issue.record("\(what) did not happen")
}

extension Reply {
    /// All of the body's bytes.
    func bytes() throws -> [UInt8] {
        switch body {
        case .empty: []
        case .json(let value): value.canonical
        case .text(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        case .stream(let stream): try stream.open().readAll()
        }
    }
}

/// Numbers from a seed: the same ones in each run (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Hands a response from a task to a thread that waits for it.
final class DispatchedReply: Sendable {
    private let response = Monitor<HTTPResponse?>(nil)

    func give(_ value: HTTPResponse) { response.update { $0 = value } }

    func wait() -> HTTPResponse { response.wait { $0 }! }
}
