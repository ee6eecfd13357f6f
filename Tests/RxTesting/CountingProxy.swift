import Foundation
import Glibc
import RxPosix
import Synchronization

/// A TCP proxy on a free loopback port that counts the bytes that pass in each direction, and lets them pass no faster than it is told.
public final class CountingProxy: Sendable {
    private struct State {
        var sent = 0
        var received = 0
        var open: Set<Int32> = []
        var connections = 0
        var refusal = Refusal.none
        var lie: (text: [UInt8], other: [UInt8])?
        var lies = 0
    }

    /// Which connections are closed as soon as they are there.
    public enum Refusal: Sendable {
        /// None.
        case none
        /// Every one.
        case all
        /// Every second one.
        case everyOther
    }

    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())
    private let pace = Atomic<Int>(0)
    private let most = Atomic<Int>(.max)

    /// The port that clients connect to.
    public let port: Int

    /// Passes on to `port` of this machine; `bytesPerSecond` bounds each connection and direction, 0 for no bound.
    public init(to target: Int, bytesPerSecond: Int = 0) {
        self.target = target
        pace.store(bytesPerSecond, ordering: .relaxed)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = CountingProxy.address(0) { address in
            bind(listener, address, length)
            listen(listener, 64)
            return withUnsafeTemporaryAllocation(of: sockaddr_in.self, capacity: 1) { own in
                own.baseAddress!.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(listener, $0, &length) }
                return Int(UInt16(bigEndian: own[0].sin_port))
            }
        }
        _ = RxPosix.Thread { [weak self] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                guard let self, self.join(client) else {
                    close(client)
                    continue
                }
            }
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// How many bytes clients have sent.
    public var sent: Int { state.withLock { $0.sent } }
    /// How many bytes clients were sent.
    public var received: Int { state.withLock { $0.received } }
    /// Both together.
    public var total: Int { state.withLock { $0.sent + $0.received } }
    /// The address to give to clients of a registry.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// Forgets what was counted.
    public func reset() { state.withLock { ($0.sent, $0.received) = (0, 0) } }

    /// Bounds what passes from now on; 0 for no bound.
    public func slow(to bytesPerSecond: Int) { pace.store(bytesPerSecond, ordering: .relaxed) }

    /// Lets no more pass once so many bytes have been counted in one direction or the other; `.max` for no end. A test that kills a program
    /// midway holds it there, however late the test itself comes.
    public func hold(at count: Int) { most.store(count, ordering: .relaxed) }

    private var isHeld: Bool { state.withLock { max($0.sent, $0.received) } >= most.load(ordering: .relaxed) }

    /// How many connections were made.
    public var connections: Int { state.withLock { $0.connections } }
    /// How often a text was changed.
    public var lies: Int { state.withLock { $0.lies } }

    /// Closes connections that are made from now on.
    public func refuse(_ refusal: Refusal) { state.withLock { $0.refusal = refusal } }

    /// Changes a text in what clients are sent from now on, where it comes in one piece, to another one of the same length; nil changes nothing.
    public func lie(_ text: String?, _ other: String = "") {
        precondition(text == nil || text?.utf8.count == other.utf8.count)
        state.withLock { $0.lie = text.map { (Array($0.utf8), Array(other.utf8)) } }
    }

    /// Whether the next connection is refused.
    private func refuses() -> Bool {
        state.withLock { state in
            state.connections += 1
            return switch state.refusal {
            case .none: false
            case .all: true
            case .everyOther: state.connections % 2 == 0
            }
        }
    }

    private func change(_ bytes: inout [UInt8], _ size: Int) {
        state.withLock { state in
            guard let (text, other) = state.lie else { return }
            while let found = bytes[..<size].firstRange(of: text) {
                bytes.replaceSubrange(found, with: other)
                state.lies += 1
            }
        }
    }

    /// Breaks every connection there is.
    public func breakAll() {
        for number in state.withLock({ $0.open }) { shutdown(number, Int32(SHUT_RDWR)) }
    }

    private func join(_ client: Int32) -> Bool {
        guard !refuses() else { return false }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        guard CountingProxy.address(target, { connect(server, $0, length) }) == 0 else {
            close(server)
            return false
        }
        var one: Int32 = 1
        for each in [client, server] { setsockopt(each, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size)) }
        state.withLock { _ = $0.open.insert(client) }
        let sides = Sides(client, server)
        _ = RxPosix.Thread { [weak self] in CountingProxy.pass(self, client, server, sides, isAnswer: false) { $0.sent += $1 } }
        _ = RxPosix.Thread { [weak self] in
            CountingProxy.pass(self, server, client, sides, isAnswer: true) { $0.received += $1 }
            self?.state.withLock { _ = $0.open.remove(client) }
        }
        return true
    }

    private static func pass(
        _ proxy: CountingProxy?, _ from: Int32, _ to: Int32, _ sides: Sides, isAnswer: Bool,
        _ count: @escaping @Sendable (inout State, Int) -> Void
    ) {
        weak let proxy = proxy
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            while proxy?.isHeld == true { usleep(1_000) }
            let pace = proxy?.pace.load(ordering: .relaxed) ?? 0
            let most = pace == 0 ? buffer.count : min(buffer.count, max(1, pace / 50))
            let size = recv(from, &buffer, most, 0)
            guard size > 0 else { break }
            if pace > 0 { usleep(UInt32(size * 1_000_000 / pace)) }
            proxy?.state.withLock { count(&$0, size) }
            if isAnswer { proxy?.change(&buffer, size) }
            guard send(to, buffer, size, Int32(MSG_NOSIGNAL)) == size else { break }
        }
        for each in [from, to] { shutdown(each, Int32(SHUT_RDWR)) }
        _ = sides
    }

    private static func address<Value>(_ port: Int, _ body: (UnsafePointer<sockaddr>) -> Value) -> Value {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) } }
    }

    /// Two sockets that are closed when neither direction uses them any more.
    private final class Sides: Sendable {
        private let client: Int32
        private let server: Int32

        init(_ client: Int32, _ server: Int32) {
            self.client = client
            self.server = server
        }

        deinit {
            close(client)
            close(server)
        }
    }
}
