import CMicroHTTPD
import Glibc
import RxHTTP
import RxModel
import RxPosix

/// Clients try TLS before they speak plain HTTP, and wait until the server says something: it does at once.
enum SecureProbe {
    /// The first byte of a TLS record that begins a handshake (RFC 8446, section 5.1); no HTTP request begins with it.
    private static let handshake: UInt8 = 22

    /// Answers and ends a new connection whose first byte begins a handshake. Gives whether it did.
    static func refuse(_ socket: Int32) -> Bool {
        var first: UInt8 = 0
        guard recv(socket, &first, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1, first == handshake else { return false }
        let error = RegistryError("This port speaks plain HTTP", code: .invalidRequest, hint: "use http:// in the address")
        var response = Face.api.failure(error)
        response.headers["Connection"] = "close"
        let bytes = response.raw(head: false)
        _ = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        shutdown(socket, Int32(SHUT_RDWR))
        return true
    }
}

extension HTTPServer {
    /// Notes a connection that ended before it was a request.
    func logRefusal() {
        log.write(
            AccessLog.Entry(
                method: "-", path: "", status: 400, bytes: 0, nanoseconds: 0, id: requestIDs.name(nil), aborted: false))
    }
}
