import RxHTTP
import RxModel
import Synchronization

/// Sends again what can safely be sent twice, when the connection is lost or stands still, or the server is busy for the moment. What
/// was never there is not waited for: that error comes at once. Keeps, for each origin, whether it ever answered and how many
/// transfers with it may run at once.
///
/// Safe to use from several threads. Source: Specs/09-command-line, CLI-060.
final class RetryingTransport: HTTPTransport {
    private struct State {
        var heard: Set<String> = []
        var gates: [String: TransferGate] = [:]
    }

    private let transport: any HTTPTransport
    private let policy: RetryPolicy
    private let transfers: Int
    private let state = Mutex(State())

    /// Sends over `transport`; at most `transfers` with one origin at once.
    init(_ transport: any HTTPTransport, _ policy: RetryPolicy = RetryPolicy(), transfers: Int = TransferGate.standard) {
        self.transport = transport
        self.policy = policy
        self.transfers = transfers
    }

    /// `transport` itself when it is one of these: what is tried again is not tried again by two.
    static func around(_ transport: any HTTPTransport) -> RetryingTransport {
        transport as? RetryingTransport ?? RetryingTransport(transport)
    }

    /// The gate for transfers with the origin of a URL.
    func gate(_ url: String) -> TransferGate {
        let origin = RetryingTransport.origin(url)
        return state.withLock { state in
            let gate = state.gates[origin] ?? TransferGate(most: transfers)
            state.gates[origin] = gate
            return gate
        }
    }

    /// The patience for something that is tried at a URL.
    func patience(_ policy: RetryPolicy, _ url: String) -> Patience {
        let origin = RetryingTransport.origin(url)
        return Patience(policy, gate: gate(url)) { [self] in state.withLock { $0.heard.contains(origin) } }
    }

    @discardableResult
    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        guard request.isSafeTwice else { return try once(request, receive) }
        return try withoutActuallyEscaping(receive) { receive in
            try trying(request, policy) { once, patience in
                let answer = LateSink(receive)
                defer { answer.end() }
                var pause: Double?
                do {
                    let head = try self.once(once) { head in
                        pause = patience.pause(after: head)
                        return pause == nil ? answer.taking(head) : NoSink()
                    }
                    if let pause { return .again(pause) }
                    try answer.begin()
                    return .done(head)
                } catch {
                    // What the caller has seen some of cannot begin anew.
                    guard !answer.hasBegun, let pause = patience.pause(after: error) else { throw error }
                    return .again(pause)
                }
            }
        }
    }

    /// Sends a request and gives its answer with the whole body. A body that broke off is fetched again.
    func collect(_ request: TransportRequest, limit: Int) throws -> (head: ResponseHead, body: [UInt8]) {
        try collect(request, limit: limit, policy)
    }

    /// The same by another policy.
    func collect(_ request: TransportRequest, limit: Int, _ policy: RetryPolicy) throws -> (head: ResponseHead, body: [UInt8]) {
        var request = request
        if request.seconds == nil, request.body.isRepeatable { request.seconds = policy.controlSeconds }
        guard request.isSafeTwice else {
            let sink = BytesSink(limit: limit)
            return (try once(request) { _ in sink }, sink.bytes)
        }
        return try trying(request, policy) { once, patience in
            let sink = BytesSink(limit: limit)
            do {
                let head = try self.once(once) { _ in sink }
                return patience.pause(after: head).map { .again($0) } ?? .done((head, sink.bytes))
            } catch {
                guard let pause = patience.pause(after: error) else { throw error }
                return .again(pause)
            }
        }
    }

    private enum Attempt<Value> {
        case done(Value)
        case again(Double)
    }

    private func trying<Value>(
        _ request: TransportRequest, _ policy: RetryPolicy, _ attempt: (TransportRequest, inout Patience) throws -> Attempt<Value>
    ) throws -> Value {
        var patience = patience(policy, request.url)
        while true {
            switch try attempt(request, &patience) {
            case .done(let value): return value
            case .again(let pause): Patience.wait(pause)
            }
        }
    }

    /// Sends it this once, whatever lies below.
    private func once(_ request: TransportRequest, _ receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        var request = request
        request.repeats = false
        return try transport.perform(request) { head in
            _ = state.withLock { $0.heard.insert(RetryingTransport.origin(request.url)) }
            return try receive(head)
        }
    }

    private static func origin(_ url: String) -> String { (try? WebURL(url))?.origin ?? url }
}

extension TransportRequest {
    /// Whether nothing but time is lost when it is sent a second time, and nobody else sees to that.
    var isSafeTwice: Bool {
        repeats && body.isRepeatable && (isIdempotent || ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"].contains(method))
    }
}

/// Chooses the caller's sink with the first byte, or at the end: until then the answer can be another one.
private final class LateSink: ByteSink {
    private var receive: ((ResponseHead) throws -> any ByteSink)?
    private var head: ResponseHead?
    private var sink: (any ByteSink)?
    private(set) var hasBegun = false

    init(_ receive: @escaping (ResponseHead) throws -> any ByteSink) { self.receive = receive }

    /// Keeps the head of the answer that counts.
    func taking(_ head: ResponseHead) -> LateSink {
        self.head = head
        return self
    }

    /// Hands the head to the caller when that has not been done.
    func begin() throws {
        guard !hasBegun, let head, let receive else { return }
        hasBegun = true
        sink = try receive(head)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try begin()
        try sink?.write(bytes)
    }

    /// Lets go of the caller's closure.
    func end() { receive = nil }
}

/// Takes an answer that nobody reads.
private final class NoSink: ByteSink {
    func write(_ bytes: UnsafeRawBufferPointer) {}
}
