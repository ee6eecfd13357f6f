public import RxModel

/// An open file that a response sends from.
public protocol FileBody: AnyObject, Sendable {
    /// The descriptor's number; valid as long as this object lives.
    var number: Int32 { get }
}

/// Makes a body while it is sent.
public protocol BodyProducer: AnyObject, Sendable {
    /// Writes the whole body to `sink`, on a thread of its own. What the sink throws says that nobody wants it any more; what this throws
    /// ends the connection, so that the client sees a body that is cut short.
    func produce(into sink: any ByteSink) throws
}

/// A status, header fields and a body.
public struct HTTPResponse: Sendable {
    /// What follows the head.
    public enum Body: Sendable {
        /// Nothing.
        case empty
        /// Bytes in memory.
        case bytes([UInt8])
        /// A part of a file, sent without passing through memory.
        case file(any FileBody, offset: Int, length: Int)
        /// Bytes that are made while they are sent; without a length their number shows at the end.
        case stream(any BodyProducer, length: Int?)

        /// The number of bytes; 0 for a stream that does not know.
        public var count: Int {
            switch self {
            case .empty: 0
            case .bytes(let bytes): bytes.count
            case .file(_, _, let length): length
            case .stream(_, let length): length ?? 0
            }
        }
    }

    /// The three-digit status code.
    public var status: Int
    /// The header fields, without those of the connection (`Content-Length`, `Date`).
    public var headers: HTTPHeaders
    /// The body that a GET would give; a server leaves it out for HEAD but keeps its length.
    public var body: Body

    /// Makes a response.
    public init(_ status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response whose body is a JSON text.
    public static func json(_ status: Int, _ value: JSON, headers: HTTPHeaders = HTTPHeaders()) -> HTTPResponse {
        var headers = headers
        headers["Content-Type"] = "application/json"
        return HTTPResponse(status, headers: headers, body: .bytes(value.canonical))
    }
}

/// Status codes' names (RFC 9110, section 15; RFC 6585).
public enum HTTPStatus {
    private static let reasons: [Int: String] = [
        100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
        302: "Found", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized",
        403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict",
        411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
        416: "Range Not Satisfiable", 417: "Expectation Failed", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
        500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
        505: "HTTP Version Not Supported", 507: "Insufficient Storage",
    ]

    /// The reason phrase of a status; `Unknown` for one without a registered name.
    public static func reason(_ status: Int) -> String { reasons[status] ?? "Unknown" }
}
