import RxHTTP
import RxModel
import RxPosix
import RxServer

/// Serves one program and those that it starts, on a port of the loopback address and under a name that only they know.
///
/// Source: Specs/17-run, "The host".
package final class RunServer: Sendable {
    /// How many requests that may wait for a registry are worked on at a time.
    private static let threads = 16

    private let server: HTTPServer
    private let token: String

    /// What the program finds in `RX_LOADER`.
    package var url: String { "http://127.0.0.1:\(server.port)/\(token)" }

    /// Serves until `stop`. Throws `RegistryError` when no port can be listened on.
    package init(_ binder: ModuleBinder) throws {
        let token = RandomName.make()
        self.token = token
        let workers = Workers(long: RunServer.threads)
        let handler = RunHandler(session: { request in RunServer.path(of: request, token).map { (binder, $0) } }, workers: workers)
        do {
            server = try HTTPServer(
                host: "127.0.0.1", port: 0, limits: HTTPLimits(bodyBytes: RunHandler.bodyLimit, drainSeconds: 1), handler: handler,
                workers: workers, log: .none)
        } catch {
            workers.close()
            throw error
        }
    }

    deinit { stop() }

    /// Answers nobody from now on.
    package func stop() { server.stop() }

    /// What follows the token in a request's path; nil for another token, and for a request that a page in a browser was led to make.
    static func path(of request: HTTPRequest, _ token: String) -> Substring? {
        guard let host = request.headers["Host"], isLoopback(host) else { return nil }
        let parts = request.path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let given = parts.first, isSame(given, token.utf8), parts.count == 2 else { return nil }
        return request.path[request.path.utf8.index(before: parts[1].startIndex)...]
    }

    private static func isLoopback(_ host: String) -> Bool {
        ["127.0.0.1", "localhost"].contains { name in
            guard host.utf8.starts(with: name.utf8) else { return false }
            let rest = host.utf8.dropFirst(name.utf8.count)
            return rest.isEmpty || rest.first == UInt8(ascii: ":")
        }
    }

    /// Takes the same time wherever two texts of one length differ.
    private static func isSame(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
