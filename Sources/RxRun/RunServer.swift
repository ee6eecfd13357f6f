import RxHTTP
import RxModel
import RxPosix
import RxServer
import Synchronization

/// Serves programs on a port of the loopback address, each under a name that only it knows.
///
/// Source: Specs/17-run, "The host".
package final class RunServer: Sendable {
    /// How many requests that may wait for a registry are worked on at a time.
    static let threads = 16

    private let port: Int
    private let server: Mutex<Background<Result<HTTPServer, any Error>>>

    /// Serves until `stop`: the port is there at once, and who connects to it before the server is started waits. Where it cannot be started
    /// `failed` is told, and nobody is answered. Throws `RegistryError` when no port can be listened on.
    package init(_ sessions: RunSessions, failed: @escaping @Sendable (any Error) -> Void = { _ in }) throws {
        let socket = try ListeningSocket(host: "127.0.0.1", port: 0)
        port = socket.port
        server = Mutex(
            Background {
                let result = Result { try RunServer.start(socket, sessions) }
                if case .failure(let error) = result { failed(error) }
                return result
            })
    }

    private static func start(_ socket: ListeningSocket, _ sessions: RunSessions) throws -> HTTPServer {
        let workers = Workers(long: RunServer.threads)
        let handler = RunHandler(session: { RunServer.session(of: $0, sessions) }, workers: workers)
        let limits = HTTPLimits(bodyBytes: RunHandler.bodyLimit, drainSeconds: 1)
        do { return try HTTPServer(socket, limits: limits, handler: handler, workers: workers, log: .none) } catch {
            workers.close()
            throw error
        }
    }

    deinit { stop() }

    /// What a program finds in `RX_LOADER`.
    package func url(_ token: String) -> String { "http://127.0.0.1:\(port)/\(token)" }

    /// Answers nobody from now on.
    package func stop() { server.withLock { try? $0.value.get().stop() } }

    /// Waits until the server is started. Throws `RegistryError` when it could not be.
    func waitUntilStarted() throws { try server.withLock { _ = try $0.value.get() } }

    /// Whose request it is, and what follows the name in its path; nil for an unknown name, and for a request that a page in a browser was led
    /// to make by a host name that means this machine.
    static func session(of request: HTTPRequest, _ sessions: RunSessions) -> RunHandler.Session? {
        guard let host = request.headers["Host"], isLoopback(host) else { return nil }
        let parts = request.path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let binder = sessions.binder(parts[0]) else { return nil }
        return RunHandler.Session(binder: binder, path: String(Substring(parts[1])))
    }

    private static func isLoopback(_ host: String) -> Bool {
        ["127.0.0.1", "localhost"].contains { name in
            guard host.utf8.starts(with: name.utf8) else { return false }
            let rest = host.utf8.dropFirst(name.utf8.count)
            return rest.isEmpty || rest.first == UInt8(ascii: ":")
        }
    }
}
