import Foundation
import Glibc
import RxPosix
import Synchronization

/// A server on a free loopback port that does, connection by connection, exactly what a test says.
final class ScriptedServer: Sendable {
    /// One accepted connection.
    final class Connection: Sendable {
        private let number: Int32
        private let rest = Mutex<[UInt8]>([])

        fileprivate init(_ number: Int32) { self.number = number }

        /// Reads up to and with the empty line behind a head; empty at the end.
        func head() -> String { String(decoding: upTo(Array("\r\n\r\n".utf8)), as: UTF8.self) }

        /// Reads a body that is sent in chunks, and gives its bytes.
        func chunks() -> [UInt8] {
            var body: [UInt8] = []
            while true {
                let line = String(decoding: upTo(Array("\r\n".utf8)).dropLast(2), as: UTF8.self)
                guard let count = Int(line, radix: 16) else { return body }
                let bytes = exactly(count + 2)
                if count == 0 { return body }
                body += bytes.dropLast(2)
            }
        }

        func exactly(_ count: Int) -> [UInt8] {
            rest.withLock { rest in
                while rest.count < count, fill(&rest) {}
                defer { rest.removeFirst(min(count, rest.count)) }
                return Array(rest.prefix(count))
            }
        }

        func send(_ text: String) { send(Array(text.utf8)) }

        func send(_ bytes: [UInt8]) {
            var offset = 0
            while offset < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(number, $0.baseAddress! + offset, bytes.count - offset, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                offset += count
            }
        }

        /// A whole answer with a length.
        func answer(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") {
            let lines = headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
            send("HTTP/1.1 \(status) Some\r\n\(lines)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        private func upTo(_ mark: [UInt8]) -> [UInt8] {
            rest.withLock { rest in
                while true {
                    if let range = rest.firstRange(of: mark) {
                        defer { rest.removeFirst(range.upperBound) }
                        return Array(rest[..<range.upperBound])
                    }
                    guard fill(&rest) else { return [] }
                }
            }
        }

        private func fill(_ rest: inout [UInt8]) -> Bool {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(number, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            rest += buffer[..<count]
            return true
        }

        /// Lets the connection end with a reset when the script returns.
        func reset() {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }

        fileprivate func close() { Glibc.close(number) }
    }

    let port: Int
    private let listener: Int32
    private let accepted = Mutex(0)

    /// Runs `script` for each connection, on a thread of its own; the connection is closed when it returns.
    init(_ script: @escaping @Sendable (Connection) -> Void) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listener, port) = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length)
                listen(listener, 16)
                getsockname(listener, pointer, &length)
            }
            return (listener, Int(UInt16(bigEndian: pointer.pointee.sin_port)))
        }
        self.port = port
        RxPosix.Thread.detach { [weak self] in
            while case let number = accept(listener, nil, nil), number >= 0 {
                self?.accepted.withLock { $0 += 1 }
                RxPosix.Thread.detach {
                    let connection = Connection(number)
                    script(connection)
                    connection.close()
                }
            }
            // Closed here, where it is used: the number may be another server's from then on.
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// How many connections were made.
    var connections: Int { accepted.withLock { $0 } }

    func url(_ path: String = "/", host: String = "127.0.0.1") -> String { "http://\(host):\(port)\(path)" }
}
