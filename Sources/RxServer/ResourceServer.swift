import RxHTTP
public import RxLoader
import RxModel
import RxPosix

/// An HTTP server for a router of a host program, or any other resource. Source: Specs/15-loader, LOD-054.
public final class ResourceServer: Sendable {
    private let server: HTTPServer

    /// Serves a bridge until `stop`; port 0 lets the system choose one. At most `threads` requests are answered at a time, others wait.
    /// Throws `RegistryError` when the address cannot be listened on.
    public init(
        _ bridge: HTTPBridge, host: String = "127.0.0.1", port: Int = 0, threads: Int = 16, drainSeconds: Int = 10, log: AccessLog = .none
    ) throws {
        Signals.ignoreBrokenPipes()
        let workers = Workers(long: threads)
        let limits = HTTPLimits(bodyBytes: BridgeHandler.bodyLimit, drainSeconds: drainSeconds)
        do {
            server = try HTTPServer(
                host: host, port: port, limits: limits, handler: BridgeHandler(bridge: bridge, workers: workers), workers: workers, log: log
            )
        } catch {
            workers.close()
            throw error
        }
    }

    deinit { stop() }

    /// The port that is listened on.
    public var port: Int { server.port }

    /// Takes no new connections, lets requests finish up to the drain time, then closes what is left. Returns when all is over.
    public func stop() { server.stop() }
}

/// Hands requests to a bridge, each on a thread that waits for its answer: a connection must be answered before the server ends.
struct BridgeHandler: HTTPHandler {
    /// The longest body that is received, in bytes; it is held in memory.
    static let bodyLimit = 64 << 20
    /// How often, in seconds, a request that waits looks whether the server stops.
    private static let stopInterval = 0.2

    let bridge: HTTPBridge
    let workers: Workers

    func react(to request: HTTPRequest, id: String) -> Reaction {
        guard request.method == "PUT" || request.method == "POST" else {
            return .work { respond in
                // Not on a thread for quick work: nobody knows how long a resource takes.
                let isTaken = workers.long.submit { respond(answer(request, [])) }
                if !isTaken { respond(Self.stopping) }
            }
        }
        return .receive(BridgeBody(request, self))
    }

    /// The bridge's answer, waited for; 503 when the server stops before there is one.
    func answer(_ request: HTTPRequest, _ body: [UInt8]) -> HTTPResponse {
        let answer = Monitor<HTTPResponse?>(nil)
        let task = Task(executorPreference: BridgeExecutor.shared) { [bridge] in
            let response = await bridge.answer(request, body: body)
            answer.update { $0 = response }
        }
        while true {
            if let response = answer.wait(seconds: BridgeHandler.stopInterval, until: { $0 }) { return response }
            guard (try? workers.check()) == nil else { continue }
            task.cancel()
            return Self.stopping
        }
    }

    private static let stopping = HTTPResponse.json(
        503, .object(["error": .string(Workers.stopping.message), "code": .string(Workers.stopping.code.wire)]))
}

/// Receives the body of a put. The server calls it on one thread at a time.
private final class BridgeBody: UploadReceiver, @unchecked Sendable {
    private let request: HTTPRequest
    private let handler: BridgeHandler
    private var bytes: [UInt8] = []

    init(_ request: HTTPRequest, _ handler: BridgeHandler) {
        self.request = request
        self.handler = handler
    }

    // The server refuses what is longer than its limit.
    func receive(_ more: UnsafeRawBufferPointer) -> HTTPResponse? {
        bytes.append(contentsOf: more)
        return nil
    }

    func finish() -> HTTPResponse { handler.answer(request, bytes) }
}
