import Glibc
import RxModel
package import RxPosix

/// Sockets that have a path, and that only their owner can connect to.
extension ListeningSocket {
    /// The longest path, in bytes (unix(7)).
    private static let pathLimit = 107

    /// Listens at a path, with mode 0600; what a process that is gone left there is replaced. Throws `RegistryError` when another one listens
    /// there, and for a path that cannot be.
    init(path: String) throws {
        guard 1...ListeningSocket.pathLimit ~= path.utf8.count else {
            throw RegistryError(
                "a socket's path has at most \(ListeningSocket.pathLimit) bytes, and \(path) has \(path.utf8.count)", code: .invalidRequest,
                hint: "name a shorter one with --socket")
        }
        try Files.makeFolders(Files.folder(of: path), mode: 0o700)
        // Two that start at once do not take each other's for a left one.
        number = try Files.locked("\(path).lock") {
            if SocketAddress.connect(path) != nil {
                throw RegistryError("another process listens at \(path)", code: .invalidRequest, hint: "end it first, or use it")
            }
            try Files.remove(path)
            return try ListeningSocket.listen(path)
        }
        port = 0
    }

    private static func listen(_ path: String) throws(PosixError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = try retrying("socket", path) { socket(AF_UNIX, type, 0) }
        // The mode is that of its birth: nobody else can connect at any time.
        let mask = umask(0o177)
        defer { umask(mask) }
        do throws(PosixError) {
            _ = try retrying("bind", path) { SocketAddress.with(path) { bind(number, $0, $1) } }
            _ = try retrying("listen", path) { Glibc.listen(number, 128) }
            return number
        } catch {
            close(number)
            throw error
        }
    }
}

/// Connections to sockets that have a path.
package enum SocketAddress {
    /// Connects to whoever listens at a path; nil when nobody does.
    package static func connect(_ path: String) -> FileDescriptor? {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return nil }
        let descriptor = FileDescriptor(owning: number, path: path)
        guard path.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else { return nil }
        return with(path) { Glibc.connect(number, $0, $1) } == 0 ? descriptor : nil
    }

    static func with<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}
