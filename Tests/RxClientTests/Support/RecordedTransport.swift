import RxClient
import RxHTTP
import RxModel
import Synchronization

/// The in-memory twin of `CurlTransport`: answers from a function and remembers what was asked.
final class RecordedTransport: HTTPTransport {
    /// A request as a server would have seen it: every body read to its end.
    struct Asked: Sendable {
        let method: String
        let url: String
        let headers: HTTPHeaders
        /// The body; for a form its parts' contents, one after another.
        let body: [UInt8]
        /// The parts of a form, by field.
        let parts: [String: [UInt8]]
    }

    /// What a server answers.
    struct Answer: Sendable {
        var status = 200
        var headers = HTTPHeaders()
        var body: [UInt8] = []
        /// How many bytes of the body come before the connection breaks; nil for all.
        var cutAt: Int?
        /// Whether the connection breaks behind the body, in a way that is worth another try.
        var isBroken = false

        /// An answer with a JSON body.
        static func json(_ status: Int, _ value: JSON) -> Answer {
            Answer(status: status, headers: ["Content-Type": "application/json"], body: value.canonical)
        }
    }

    let respond: @Sendable (Asked) throws -> Answer
    private let log = Mutex<[Asked]>([])

    init(_ respond: @escaping @Sendable (Asked) throws -> Answer) { self.respond = respond }

    /// A network on which nobody answers.
    static var unreachable: RecordedTransport {
        RecordedTransport { throw RegistryError("Unable to connect to \($0.url)", code: .unreachable) }
    }

    /// What was asked so far, in order.
    var asked: [Asked] { log.withLock { $0 } }

    @discardableResult
    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        let asked = try RecordedTransport.read(request)
        log.withLock { $0.append(asked) }
        let answer = try respond(asked)
        let head = ResponseHead(status: answer.status, headers: answer.headers, url: request.url)
        let sink = try receive(head)
        let body = answer.body[..<min(answer.cutAt ?? .max, answer.body.count)]
        // In small pieces, as a network would give them.
        for start in stride(from: 0, to: body.count, by: 1000) {
            try body[start..<min(start + 1000, body.count)].withUnsafeBytes { try sink.write($0) }
        }
        if answer.isBroken {
            throw RegistryError("The connection to \(request.url) was lost", code: .unreachable, cause: HTTPFailure(.interrupted, "cut"))
        }
        guard answer.cutAt == nil else { throw RegistryError("The connection to \(request.url) was lost: cut", code: .unreachable) }
        return head
    }

    private static func read(_ request: TransportRequest) throws -> Asked {
        var headers = request.headers
        var body: [UInt8] = []
        var parts: [String: [UInt8]] = [:]
        switch request.body {
        case .none: break
        case .bytes(let bytes, let type): (body, headers["Content-Type"]) = (bytes, type)
        case .stream(let source, _, let type): (body, headers["Content-Type"]) = (try source.readAll(), type)
        case .form(let form):
            headers["Content-Type"] = "multipart/form-data"
            for part in form {
                let bytes = try part.readAll()
                parts[part.field] = bytes
                body += bytes
            }
        }
        return Asked(method: request.method, url: request.url, headers: headers, body: body, parts: parts)
    }
}
