import Glibc
import RxModel
import RxPosix

/// A bound socket that waits for connections.
package struct ListeningSocket: Sendable {
    /// The descriptor; whoever is given it closes it.
    let number: Int32
    /// The port that was bound, also when any free one was asked for.
    package let port: Int

    /// Listens on a host's first address that can be bound. Throws `RegistryError` that says why none could.
    package init(host: String, port: Int) throws {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let bare = host.first == "[" && host.last == "]" ? String(host.dropFirst().dropLast()) : host
        let status = getaddrinfo(bare, String(port), &hints, &found)
        guard status == 0 else {
            throw RegistryError("cannot listen on \(host): \(String(cString: gai_strerror(status)))", code: .invalidRequest)
        }
        defer { freeaddrinfo(found) }
        var failure: PosixError?
        for address in sequence(first: found, next: { $0?.pointee.ai_next }).compactMap({ $0?.pointee }) {
            do throws(PosixError) {
                number = try ListeningSocket.listen(address)
                self.port = ListeningSocket.port(of: number)
                return
            } catch { failure = failure ?? error }
        }
        throw ListeningSocket.explain(failure, host, port)
    }

    private static func listen(_ address: addrinfo) throws(PosixError) -> Int32 {
        let type = address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = try retrying("socket", "") { socket(address.ai_family, type, address.ai_protocol) }
        do throws(PosixError) {
            var on: Int32 = 1
            _ = try retrying("setsockopt", "") { setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size)) }
            // A connection is handed over with its first bytes, which tell a secure connection from a plain one.
            var patience = firstByteSeconds
            setsockopt(number, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, &patience, socklen_t(MemoryLayout<Int32>.size))
            var unsent = mostUnsentBytes
            setsockopt(number, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &unsent, socklen_t(MemoryLayout<Int32>.size))
            _ = try retrying("bind", "") { bind(number, address.ai_addr, address.ai_addrlen) }
            _ = try retrying("listen", "") { Glibc.listen(number, 4096) }
            return number
        } catch {
            close(number)
            throw error
        }
    }

    /// How long, in seconds, a connection may be silent before it is handed over without its first bytes.
    private static let firstByteSeconds: Int32 = 1
    /// How many bytes of answers wait in the kernel before they are sent, for each connection (tcp(7)). It would take megabytes, and as long
    /// as a slow client needs for a third of them nothing would seem to move: the connection would count as idle. Source: API-051.
    private static let mostUnsentBytes: Int32 = 128 << 10

    private static func port(of number: Int32) -> Int {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(number, $0, &length) }
            // Port is at the same place in both kinds of address.
            return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
        }
    }

    private static func explain(_ failure: PosixError?, _ host: String, _ port: Int) -> RegistryError {
        let hint: String? =
            switch failure?.errno {
            case EADDRINUSE: "another program has the port: choose one with --port, or --port 0 for any free one"
            case EACCES: "ports below 1024 need privileges: choose a higher one with --port"
            case EADDRNOTAVAIL: "the address is not one of this machine"
            default: nil
            }
        let reason = failure.map { String(cString: strerror($0.errno)) } ?? "it has no address"
        return RegistryError("cannot listen on \(host) port \(port): \(reason)", code: .invalidRequest, hint: hint, cause: failure)
    }
}
