import Foundation
import Glibc
import RxPosix

/// Looks again and again until something is so; gives whether it came to be within so many seconds. On a loaded machine a thread may come
/// late by seconds: what a test waits for is asked for by this, never by a fixed sleep.
public func waitUntil(_ seconds: Double = 60, _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = Clock.monotonic + Int(seconds * 1e9)
    while true {
        if try isSo() { return true }
        if Clock.monotonic > end { return try isSo() }
        usleep(5_000)
    }
}

/// The processor time that this thread has used, in seconds: what work costs, however many others want the processor.
public func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// A loopback port that refuses connections as long as the object is there: it is bound, so nobody else gets it, and does not listen.
public final class ClosedPort: Sendable {
    /// The port.
    public let port: Int
    private let socket: Int32

    /// Takes a free port.
    public init() {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        port = ClosedPort.bind(socket, to: 0) ?? 0
    }

    deinit { close(socket) }

    /// A free port for a program that has to be told one. It is none of those that the system gives to others by itself (ip(7),
    /// ip_local_port_range), so that nobody takes it before the program does.
    public static func unused() -> Int {
        while true {
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            if let port = bind(socket, to: UInt16.random(in: 10_240..<32_000)) { return port }
        }
    }

    private static func bind(_ socket: Int32, to port: UInt16) -> Int? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { place in
            let isBound = place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
            return isBound ? Int(UInt16(bigEndian: place.pointee.sin_port)) : nil
        }
    }
}
