import CMicroHTTPD
import Glibc
import RxHTTP
import RxModel
import RxPosix
import Synchronization

/// An HTTP/1.1 server: event threads that read and write, and worker threads for what blocks. It owns GNU libmicrohttpd; nothing
/// else in rx sees that library.
package final class HTTPServer: Sendable {
    /// The C library's handle and the settings it points to; touched by `start` and `stop` alone.
    private struct Daemon: @unchecked Sendable {
        let handle: OpaquePointer
        let settings: UnsafeMutablePointer<rx_mhd_settings>
    }

    let handler: any HTTPHandler
    let limits: HTTPLimits
    let log: AccessLog
    let workers: Workers
    let requestIDs = RequestIDs()
    /// The most connections, when the process may not open as many files as were asked for.
    let connectionLimit: Int
    let connections = Atomic<Int>(0)
    /// Requests whose head was read and that are not over.
    let active = Atomic<Int>(0)
    let draining = Atomic<Bool>(false)
    private let daemon = Mutex<Daemon?>(nil)

    /// The port that is listened on.
    package let port: Int

    /// Starts to serve; `stop` ends the workers too. Throws `RegistryError` when the address cannot be listened on.
    package convenience init(host: String, port: Int, limits: HTTPLimits, handler: any HTTPHandler, workers: Workers, log: AccessLog) throws
    {
        try self.init(ListeningSocket(host: host, port: port), limits: limits, handler: handler, workers: workers, log: log)
    }

    /// The same at a path, which only this user can connect to; what a process that is gone left there is replaced.
    package convenience init(path: String, limits: HTTPLimits, handler: any HTTPHandler, workers: Workers, log: AccessLog) throws {
        try self.init(ListeningSocket(path: path), limits: limits, handler: handler, workers: workers, log: log)
    }

    /// The same at a socket, which is closed with the server, or when it cannot be started. Who connects before waits in its queue.
    package init(_ socket: ListeningSocket, limits: HTTPLimits, handler: any HTTPHandler, workers: Workers, log: AccessLog) throws {
        self.handler = handler
        self.limits = limits
        self.log = log
        self.port = socket.port
        connectionLimit = min(limits.connections, OpenFileLimit.raise() / 2)
        self.workers = workers

        let settings = UnsafeMutablePointer<rx_mhd_settings>.allocate(capacity: 1)
        settings.initialize(
            to: rx_mhd_settings(
                listening: socket.number, threads: UInt32(max(2, Host.processors)), connections: UInt32(connectionLimit + HTTPServer.spare),
                idle_seconds: UInt32(limits.idleSeconds), connection_memory: 2 * limits.headBytes + HTTPServer.bufferBytes,
                context: Unmanaged.passUnretained(self).toOpaque(), target: targetSeen, handle: handleRequest, completed: requestOver,
                connection: connectionChanged))
        guard let handle = rx_mhd_start(settings) else {
            let code = errno
            close(socket.number)
            settings.deallocate()
            throw RegistryError(
                "the HTTP server could not be started: \(String(cString: strerror(code)))", code: .internalError,
                hint: code == ELIBACC ? "install libmicrohttpd (Debian: apt-get install libmicrohttpd12)" : nil)
        }
        daemon.withLock { $0 = Daemon(handle: handle, settings: settings) }
    }

    /// Connections above the limit that are still taken in, to be told that there are too many.
    private static let spare = 64
    /// What a connection has for reading beside twice the longest request head: one for the head, one for what the library notes of it
    /// (64 bytes a field), so that what is too long by less than that is still answered in our own words. It is no more, because the
    /// library clears all of a connection's memory after each request.
    private static let bufferBytes = 16 << 10

    /// Stops taking connections, lets requests finish up to the drain time, then cancels what is left and closes.
    package func stop() {
        guard let daemon = daemon.withLock({ $0.take() }) else { return }
        draining.store(true, ordering: .sequentiallyConsistent)
        _ = rx_mhd_stop_listening(daemon.settings.pointee.listening)
        let end = Clock.monotonic + limits.drainSeconds * 1_000_000_000
        while active.load(ordering: .sequentiallyConsistent) > 0, Clock.monotonic < end { usleep(5_000) }
        workers.cancel()
        // Each job resumes its connection; the library may only be stopped when none is suspended.
        workers.close()
        // What the jobs answered at last still has to be sent.
        let last = Clock.monotonic + 500_000_000
        while active.load(ordering: .sequentiallyConsistent) > 0, Clock.monotonic < last { usleep(5_000) }
        MHD_stop_daemon(daemon.handle)
        daemon.settings.deallocate()
    }
}

/// Names for requests: unique in this process, unlikely to repeat in another.
struct RequestIDs: ~Copyable, Sendable {
    private let prefix = Array(RandomName.make().utf8.prefix(8))
    private let next = Atomic<Int>(0)

    /// The name that a client gave when it is `[A-Za-z0-9._-]{1,64}`, else a new one.
    func name(_ given: String?) -> String {
        if let given, 1...64 ~= given.utf8.count, given.utf8.allSatisfy(RequestIDs.allows) { return given }
        let number = UInt(next.wrappingAdd(1, ordering: .relaxed).newValue)
        // Seven digits make a string that needs no memory of its own; there are more when they are used up.
        let digits = max(7, (UInt.bitWidth - number.leadingZeroBitCount + 3) / 4)
        return String(unsafeUninitializedCapacity: prefix.count + digits) { text in
            _ = text.update(fromContentsOf: prefix)
            for place in 0..<digits { text[prefix.count + place] = RequestIDs.digit(number >> (4 * (digits - 1 - place)) & 15) }
            return prefix.count + digits
        }
    }

    private static func digit(_ value: UInt) -> UInt8 { UInt8(truncatingIfNeeded: value < 10 ? 0x30 + value : 0x57 + value) }

    private static func allows(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
}
