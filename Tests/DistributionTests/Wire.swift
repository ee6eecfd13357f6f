import Foundation
import RxModel

/// An answer with its header fields in the order they came.
struct Answer {
    var status: Int
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    /// The values of a field, joined as RFC 9110 says; nil when it is absent.
    subscript(name: String) -> String? {
        let values = fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    var json: JSON? { try? JSON(parsing: body) }

    var shown: String {
        "\(status) \(fields.map { "\($0.name): \($0.value)" }) \(String(decoding: body.prefix(400), as: UTF8.self))"
    }
}

/// A registry's address: `http://` and a dotted address and port.
struct Address {
    let host: String
    let port: UInt16

    init(_ url: String) throws {
        guard let match = url.firstMatch(of: /^http:\/\/([0-9.]+):(\d+)\/?$/), let port = UInt16(match.2) else {
            throw TableError("not http://ADDRESS:PORT: \(url)")
        }
        host = String(match.1)
        self.port = port
    }
}

/// One connection that sends exactly the bytes it is given.
final class Connection {
    struct Closed: Error {}

    private let socket: Int32
    private var buffer: [UInt8] = []

    init(_ address: Address) throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = address.port.bigEndian
        place.sin_addr.s_addr = inet_addr(address.host)
        let result = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        guard result == 0 else { throw Closed() }
    }

    deinit { close(socket) }

    /// Sends what the other side takes; it may have answered and closed already.
    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// The next answer; those of the 100 class are passed over.
    func answer(to method: String) throws -> Answer {
        while true {
            let lines = try head().components(separatedBy: "\r\n")
            guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { throw Closed() }
            if status < 200 { continue }
            let fields = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
                guard let colon = line.firstIndex(of: ":") else { return nil }
                return (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
            }
            var answer = Answer(status: status, fields: fields, body: [])
            if method == "HEAD" || status == 204 || status == 304 { return answer }
            if answer["Transfer-Encoding"]?.lowercased() == "chunked" {
                answer.body = try chunks()
            } else if let length = answer["Content-Length"].flatMap({ Int($0) }) {
                answer.body = try take(length)
            } else {
                while (try? fill()) != nil {}
                answer.body = try take(buffer.count)
            }
            return answer
        }
    }

    private func head() throws -> String {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let at = buffer.indices.dropLast(3).first(where: { buffer[$0..<$0 + 4].elementsEqual(end) }) {
                return String(decoding: try take(at + 4).dropLast(4), as: UTF8.self)
            }
            try fill()
        }
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = try line()
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw Closed() }
            if size == 0 {
                while try !self.line().isEmpty {}
                return body
            }
            body += try take(size)
            _ = try take(2)
        }
    }

    private func line() throws -> String {
        while true {
            if let at = buffer.firstIndex(of: 10) { return String(decoding: try take(at + 1).dropLast(2), as: UTF8.self) }
            try fill()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private func fill() throws {
        var piece = [UInt8](repeating: 0, count: 1 << 18)
        let count = recv(socket, &piece, piece.count, 0)
        guard count > 0 else { throw Closed() }
        buffer += piece[..<count]
    }
}
