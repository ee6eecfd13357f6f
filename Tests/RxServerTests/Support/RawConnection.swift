import Foundation
import RxHTTP
import RxModel

/// A connection that sends exactly what a test says.
final class RawConnection {
    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var code: String? { (try? JSON(parsing: body))?["code"]?.string }
    }

    struct Closed: Error {}

    private let socket: Int32
    private var buffer: [UInt8] = []

    /// Connects; the system holds up to about `receiveBuffer` bytes that were not taken yet, where that is told.
    init(port: Int, receiveBuffer: Int32? = nil) throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Closed() }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Closed() }
            sent += count
        }
    }

    /// No more will be sent.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Closes so that the other side sees a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// The next answer, with its body by Content-Length. 100 Continue is passed over.
    func answer(head: Bool = false) throws -> Answer {
        while true {
            let end = Array("\r\n\r\n".utf8)
            while firstRange(of: end) == nil { try fill() }
            let at = firstRange(of: end)!
            let lines = String(decoding: buffer[..<at], as: UTF8.self).components(separatedBy: "\r\n")
            buffer.removeFirst(at + 4)
            let status = Int(lines[0].split(separator: " ")[1])!
            if status == 100 { continue }
            let headers = HTTPHeaders(
                lines.dropFirst().map { line in
                    let colon = line.firstIndex(of: ":")!
                    return HTTPHeaders.Field(String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
                })
            if headers["Transfer-Encoding"] == "chunked", !head {
                return Answer(status: status, headers: headers, body: try chunks())
            }
            let length = head || status == 304 || status == 204 ? 0 : Int(headers["Content-Length"] ?? "0")!
            while buffer.count < length { try fill() }
            defer { buffer.removeFirst(length) }
            return Answer(status: status, headers: headers, body: Array(buffer[..<length]))
        }
    }

    /// A chunked body to its end.
    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            while firstRange(of: Array("\r\n".utf8)) == nil { try fill() }
            let at = firstRange(of: Array("\r\n".utf8))!
            let length = Int(String(decoding: buffer[..<at], as: UTF8.self), radix: 16)!
            buffer.removeFirst(at + 2)
            while buffer.count < length + 2 { try fill() }
            body += buffer[..<length]
            buffer.removeFirst(length + 2)
            if length == 0 { return body }
        }
    }

    /// Takes what comes within the time limit, at least one byte; throws when the other side closes. What is there already is given whole.
    func some(atMost limit: Int = 65536) throws -> [UInt8] {
        if buffer.isEmpty { try fill(limit) }
        defer { buffer = [] }
        return buffer
    }

    /// Whether the other side closes within the time limit, sending nothing more.
    func closes() -> Bool {
        do {
            try fill()
            return false
        } catch { return errno != EAGAIN }
    }

    /// Whether something came that was not taken yet.
    var hasAnswer: Bool {
        var byte: UInt8 = 0
        return !buffer.isEmpty || recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) > 0
    }

    private func fill(_ limit: Int = 65536) throws {
        var piece = [UInt8](repeating: 0, count: limit)
        errno = 0
        let count = recv(socket, &piece, piece.count, 0)
        guard count > 0 else { throw Closed() }
        buffer += piece[..<count]
    }

    private func firstRange(of pattern: [UInt8]) -> Int? {
        guard buffer.count >= pattern.count else { return nil }
        return (0...buffer.count - pattern.count).first { buffer[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}
