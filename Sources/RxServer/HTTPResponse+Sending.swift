import CMicroHTTPD
import Glibc
public import RxHTTP
public import RxPosix

extension FileDescriptor: FileBody {}

extension HTTPResponse {
    /// The response as the library's own object, for one use, with more headers; `stream` is where a body that is made while it is sent
    /// comes from. Nil when memory or descriptors have run out.
    func make(id: String, _ more: HTTPHeaders, closing: Bool, stream: OutgoingStream?) -> OpaquePointer? {
        guard let made = makeBody(stream) else { return nil }
        for field in headers.fields + more.fields { _ = rx_mhd_add_header(made, field.name, field.value) }
        _ = rx_mhd_add_header(made, "X-Request-Id", id)
        if closing { _ = rx_mhd_add_header(made, "Connection", "close") }
        return made
    }

    private func makeBody(_ stream: OutgoingStream?) -> OpaquePointer? {
        switch body {
        case .empty: return rx_mhd_response(nil, 0)
        case .bytes(let bytes): return bytes.withUnsafeBytes { rx_mhd_response($0.baseAddress, $0.count) }
        case .file(let file, let offset, let length):
            // The library closes the descriptor that it is given.
            let copy = fcntl(file.number, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { return nil }
            let made = MHD_create_response_from_fd_at_offset64(UInt64(length), copy, UInt64(offset))
            if made == nil { close(copy) }
            return made
        case .stream(_, let length): return stream?.makeResponse(length: length)
        }
    }

    /// The whole message as bytes, for an answer with a body in memory. `head` leaves the body out.
    func raw(head: Bool) -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(HTTPStatus.reason(status))\r\n"
        for field in headers.fields { text += "\(field.name): \(field.value)\r\n" }
        text += "Content-Length: \(body.count)\r\n\r\n"
        var out = Array(text.utf8)
        if case .bytes(let bytes) = body, !head { out += bytes }
        return out
    }
}
