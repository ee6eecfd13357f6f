public import RxHTTP
public import RxModel

/// Sends one HTTP request and takes its answer.
public protocol HTTPTransport: Sendable {
    /// Sends a request and gives the head of its answer. The body goes, in order, to the sink that `receive` chooses once status and
    /// headers are known; `receive` is called exactly once for an answer, also for one without a body. An answer of any status is an
    /// answer, not an error.
    ///
    /// Throws `RegistryError` when no whole answer came, and what `receive`, its sink or a body's source throw, as it is. What the
    /// sink got before an error is a part of the body.
    @discardableResult
    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead

    /// Sends a request and gives its answer with the whole body, when that is at most `limit` bytes; throws `ContentError` for a
    /// longer one.
    func collect(_ request: TransportRequest, limit: Int) throws -> (head: ResponseHead, body: [UInt8])
}

/// A request with an absolute URL.
public struct TransportRequest {
    /// What is sent behind the head.
    public enum Body {
        /// Nothing.
        case none
        /// Bytes in memory; can be sent again after a redirect.
        case bytes([UInt8], type: String)
        /// Bytes that are read once; `length` where it is known.
        case stream(any ByteSource, length: Int?, type: String)
        /// A multipart form (RFC 7578), sent with POST.
        case form([FormPart])
    }

    /// The method, such as `GET`.
    public var method: String
    /// The absolute URL, `http` or `https`.
    public var url: String
    /// What "Unable to connect to" names; the scheme and host of `url` when nil.
    public var endpoint: String?
    /// The header fields, without those of the connection and the body.
    public var headers: HTTPHeaders
    /// The body.
    public var body: Body
    /// Which redirects are followed.
    public var redirects = Redirects.usual
    /// Whether a transport that knows credentials may use them for this request.
    public var identifies = true
    /// Whether a POST may be sent twice because the second changes nothing; other methods say that by themselves (RFC 9110, section 9.2.2).
    public var isIdempotent = false
    /// How long the whole answer may take, in seconds; nil for no bound but that it goes on.
    public var seconds: Int?
    /// Whether a transport may send it again when there is no answer; who goes on by itself says no.
    var repeats = true

    /// Which redirects a request follows.
    public enum Redirects: Sendable {
        /// To https anywhere and to http on the same host, never from https to http.
        case usual
        /// Also from http to http on another host: what comes is checked against a digest that was known before.
        case content
        /// None: an answer that redirects is the answer.
        case none
    }

    /// Describes a request.
    public init(_ method: String = "GET", _ url: String, endpoint: String? = nil, headers: HTTPHeaders = HTTPHeaders(), body: Body = .none)
    {
        self.method = method
        self.url = url
        self.endpoint = endpoint
        self.headers = headers
        self.body = body
    }

    /// Asks for the bytes from `offset` on, and for the whole when the representation is no longer the one tagged `tag`
    /// (RFC 9110, sections 13.1.5 and 14.2). An answer of 206 holds the rest, one of 200 the whole.
    public mutating func resume(from offset: Int, ifStill tag: EntityTag) {
        headers["Range"] = "bytes=\(offset)-"
        headers["If-Range"] = tag.description
    }
}

/// One part of a multipart form.
public struct FormPart {
    enum Content {
        case text(String)
        case file([UInt8], name: String, type: String)
        case stream(any ByteSource, length: Int?, name: String, type: String)
    }

    /// The name of the form's field.
    public let field: String
    let content: Content

    /// A text field.
    public static func text(_ field: String, _ text: String) -> FormPart { FormPart(field: field, content: .text(text)) }

    /// A file from memory, with its name and media type.
    public static func file(_ field: String, _ bytes: [UInt8], name: String, type: String) -> FormPart {
        FormPart(field: field, content: .file(bytes, name: name, type: type))
    }

    /// A file that is read once while it is sent; `length` where it is known.
    public static func stream(_ field: String, _ source: any ByteSource, length: Int? = nil, name: String, type: String) -> FormPart {
        FormPart(field: field, content: .stream(source, length: length, name: name, type: type))
    }

    /// The part's content, as a transport sends it; what is a stream can be read once. Throws what reading it throws.
    public func readAll() throws -> [UInt8] {
        switch content {
        case .text(let text): Array(text.utf8)
        case .file(let bytes, _, _): bytes
        case .stream(let source, _, _, _): try source.readAll()
        }
    }

    /// The three parts of a publish. Source: Specs/06-http, POST /publish.
    public static func publish(locator: String, manifest: [UInt8], content: any ByteSource, length: Int? = nil) -> [FormPart] {
        [
            .text("locator", locator), .file("manifest", manifest, name: "manifest.json", type: "application/json"),
            .stream("content", content, length: length, name: "archive.tar.gz", type: "application/gzip"),
        ]
    }
}

/// The status and headers of an answer.
public struct ResponseHead: Sendable, Equatable {
    /// The three-digit status code.
    public let status: Int
    /// The header fields.
    public let headers: HTTPHeaders
    /// The URL that answered, after redirects.
    public let url: String

    /// Describes an answer.
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), url: String) {
        self.status = status
        self.headers = headers
        self.url = url
    }
}

extension HTTPTransport {
    /// Sends a request and gives its answer with the whole body, when that is at most 64 MiB.
    public func collect(_ request: TransportRequest) throws -> (head: ResponseHead, body: [UInt8]) { try collect(request, limit: 64 << 20) }

    public func collect(_ request: TransportRequest, limit: Int) throws -> (head: ResponseHead, body: [UInt8]) {
        let sink = BytesSink(limit: limit)
        let head = try perform(request) { _ in sink }
        return (head, sink.bytes)
    }
}
