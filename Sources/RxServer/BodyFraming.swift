import RxHTTP
import RxModel

/// How a request's body is delimited (RFC 9112, section 6).
enum BodyFraming: Equatable {
    case none
    case known(Int)
    case chunked

    /// Reads the framing of a request whose head is complete. Throws `RegistryError` for what two programs could read differently, so
    /// that no request can hide in another's body.
    init(_ headers: HTTPHeaders) throws(RegistryError) {
        func fail(_ message: String) -> RegistryError { RegistryError(message, code: .invalidRequest) }
        let lengths = headers.values(of: "Content-Length")
        let codings = headers.values(of: "Transfer-Encoding")
        guard codings.isEmpty else {
            guard lengths.isEmpty else { throw fail("a request may not have both Content-Length and Transfer-Encoding") }
            guard codings.count == 1, HTTPHeaders.same(codings[0].trimmed, "chunked") else {
                throw fail("the only transfer coding understood is chunked")
            }
            self = .chunked
            return
        }
        guard let text = lengths.first else {
            self = .none
            return
        }
        guard lengths.count == 1 else { throw fail("a request may have one Content-Length") }
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            throw fail("Content-Length must be a number")
        }
        let length = Int(text) ?? .max
        self = length == 0 ? .none : .known(length)
    }

    /// Whether bytes follow the head.
    var hasBody: Bool { self != .none }
}

extension HTTPRequest {
    /// Checks what every request must have. Throws `RegistryError`.
    func checkHead(version: String) throws(RegistryError) {
        let hosts = headers.values(of: "Host")
        guard hosts.count == 1 || (hosts.isEmpty && version == "HTTP/1.0") else {
            throw RegistryError("a request must have one Host", code: .invalidRequest)
        }
        guard hosts.first?.trimmed.isEmpty != true else { throw RegistryError("the request's Host is empty", code: .invalidRequest) }
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw RegistryError("the path must begin with / and have spaces and control characters escaped", code: .invalidRequest)
        }
    }
}
