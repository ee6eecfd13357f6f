import Foundation
import RxPosix
import Synchronization

/// Passes TCP connections on to a port of this machine and counts every byte of both directions, heads and all.
public final class CountingProxy: Sendable {
    private struct Counts {
        var sent = 0
        var received = 0
    }

    /// The port to connect to.
    public let port: Int
    private let listening: Int32
    private let counts = Mutex(Counts())

    /// Bytes that clients sent.
    public var sent: Int { counts.withLock { $0.sent } }
    /// Bytes that clients were sent.
    public var received: Int { counts.withLock { $0.received } }
    /// Both together.
    public var total: Int { counts.withLock { $0.sent + $0.received } }
    /// The address to give to clients of a registry.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// Passes on to `target`.
    public init(to target: Int) throws {
        let listening = try CountingProxy.socket { bind($0, $1, $2) }
        listen(listening, 64)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listening, $0, &length) }
        }
        self.listening = listening
        port = Int(UInt16(bigEndian: address.sin_port))
        _ = RxPosix.Thread { [weak self] in
            while case let client = accept(listening, nil, nil), client >= 0 {
                guard let self, let server = try? CountingProxy.socket(port: target, { connect($0, $1, $2) }) else {
                    close(client)
                    continue
                }
                self.join(client, server)
            }
            close(listening)
        }
    }

    deinit { shutdown(listening, Int32(SHUT_RDWR)) }

    /// Forgets what was counted.
    public func reset() { counts.withLock { $0 = Counts() } }

    private func join(_ client: Int32, _ server: Int32) {
        let pair = Pair(client: client, server: server)
        _ = RxPosix.Thread { [weak self] in
            CountingProxy.pass(from: client, to: server) { count in self?.counts.withLock { $0.sent += count } }
            pair.end()
        }
        _ = RxPosix.Thread { [weak self] in
            CountingProxy.pass(from: server, to: client) { count in self?.counts.withLock { $0.received += count } }
            pair.end()
        }
    }

    /// Two sockets that are closed once both directions have ended.
    private final class Pair: Sendable {
        private let client: Int32
        private let server: Int32
        private let ended = Mutex(0)

        init(client: Int32, server: Int32) {
            self.client = client
            self.server = server
        }

        func end() {
            let both = ended.withLock { ended in
                ended += 1
                return ended == 2
            }
            guard both else { return }
            close(client)
            close(server)
        }
    }

    private static func pass(from source: Int32, to target: Int32, _ count: (Int) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while case let size = recv(source, &buffer, buffer.count, 0), size > 0 {
            count(size)
            var sent = 0
            while sent < size {
                let more = buffer.withUnsafeBytes { send(target, $0.baseAddress! + sent, size - sent, Int32(MSG_NOSIGNAL)) }
                guard more > 0 else { return _ = shutdown(source, Int32(SHUT_RDWR)) }
                sent += more
            }
        }
        shutdown(target, Int32(SHUT_WR))
    }

    private static func socket(port: Int = 0, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) throws -> Int32 {
        let number = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { use(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            close(number)
            throw PosixError("socket", "127.0.0.1:\(port)", errno: errno)
        }
        return number
    }
}
