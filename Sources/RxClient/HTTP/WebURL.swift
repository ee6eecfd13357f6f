import CCurl
import RxHTTP

/// The parts of an `http` or `https` URL, read by libcurl so that they mean what the transfer means.
struct WebURL: Equatable {
    /// The whole URL, as libcurl writes it.
    let text: String
    /// `http` or `https`.
    let scheme: String
    /// The host, in lower case.
    let host: String
    /// The port, also when it is the scheme's own.
    let port: String

    /// Reads an absolute URL. Throws `HTTPFailure`.
    init(_ text: String) throws(HTTPFailure) { try self.init(nil, text) }

    /// Reads what a `Location` header at this URL leads to. Throws `HTTPFailure`.
    func following(_ location: String) throws(HTTPFailure) -> WebURL { try WebURL(self.text, location) }

    private init(_ base: String?, _ text: String) throws(HTTPFailure) {
        guard let handle = curl_url() else { throw HTTPFailure(.invalidURL, "out of memory") }
        defer { curl_url_cleanup(handle) }
        for step in [base, text].compactMap({ $0 }) {
            guard !step.utf8.contains(0), curl_url_set(handle, CURLUPART_URL, step, 0) == CURLUE_OK else {
                throw HTTPFailure(.invalidURL, "it is not an absolute URL")
            }
        }
        guard let whole = WebURL.part(handle, CURLUPART_URL), let scheme = WebURL.part(handle, CURLUPART_SCHEME),
            scheme == "http" || scheme == "https",
            let host = WebURL.part(handle, CURLUPART_HOST), !host.isEmpty, let port = WebURL.part(handle, CURLUPART_PORT)
        else { throw HTTPFailure(.invalidURL, "only http and https are asked") }
        self.text = whole
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port
    }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        // 1 << 0 is CURLU_DEFAULT_PORT, a macro with a shift that does not import: it also gives a port that is not written.
        let flags: UInt32 = part == CURLUPART_PORT ? 1 << 0 : 0
        guard rx_curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }

    /// Scheme, host and port (RFC 6454), without a port that is the scheme's own: what credentials belong to.
    var origin: String {
        let usual = scheme == "http" ? "80" : "443"
        return "\(scheme)://\(host)\(port == usual ? "" : ":\(port)")"
    }

    /// Path and query, as a request line has them.
    var target: String {
        let behind = text.utf8.index(text.startIndex, offsetBy: scheme.utf8.count + 3)
        let start = text.utf8[behind...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? text.endIndex
        let end = text.utf8[start...].firstIndex(of: UInt8(ascii: "#")) ?? text.endIndex
        return String(text[start..<end])
    }

    /// Whether the host is this machine itself, so that no proxy is asked.
    var isLoopback: Bool { RegistryURL.isLoopback(host) }
}
