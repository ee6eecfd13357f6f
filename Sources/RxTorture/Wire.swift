import Glibc
import RxModel
import RxPosix

/// Speaks just enough HTTP/1.1 to be a plain client of a registry on this machine: one connection a request.
struct Wire {
    /// An answer that came whole.
    struct Answer {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]
    }

    /// Of the server, as numbers with dots.
    let host: String
    let port: Int
    /// After so many seconds without a byte the other side is given up.
    let patience: Int

    /// Sends a request; nil when no whole answer came.
    func ask(_ method: String, _ path: String, _ body: [UInt8] = [], type: String = "application/octet-stream", accept: String? = nil)
        -> Answer?
    {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return nil }
        let connection = FileDescriptor(owning: number, path: "connection")
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        guard isConnected else { return nil }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n"
        if let accept { head += "Accept: \(accept)\r\n" }
        if !body.isEmpty || method != "GET" { head += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n" }
        guard send(connection, Array((head + "\r\n").utf8) + body), let answer = receive(connection) else { return nil }
        return parse(answer)
    }

    private func send(_ connection: FileDescriptor, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection.number, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return sent > 0 }
            sent += count
        }
        return true
    }

    private func receive(_ connection: FileDescriptor) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(connection.number, &buffer, buffer.count, 0)
            if count == 0 { return bytes }
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    /// The answer, when it has all the bytes that it says it has.
    private func parse(_ bytes: [UInt8]) -> Answer? {
        let mark = Array("\r\n\r\n".utf8)
        guard bytes.count >= mark.count, let end = (0...bytes.count - mark.count).first(where: { bytes[$0..<$0 + 4].elementsEqual(mark) })
        else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first?.split(separator: " "), first.count >= 2, let status = Int(first[1]) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        let body = Array(bytes[(end + 4)...])
        if let length = headers["content-length"].flatMap({ Int($0) }), length != body.count { return nil }
        return Answer(status: status, headers: headers, body: body)
    }
}
