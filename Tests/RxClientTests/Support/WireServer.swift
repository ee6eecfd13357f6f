import Foundation
import RxModel
import Synchronization

/// A server on a free loopback port that answers each request as a test says.
final class WireServer: Sendable {
    /// A request's head, and its body, to be read or not.
    final class Request: Sendable {
        let method: String
        let target: String
        let headers: [String: String]
        private let connection: ScriptedServer.Connection
        private let state = Mutex((read: 0, isAsked: false))

        fileprivate init?(_ head: String, _ connection: ScriptedServer.Connection) {
            let lines = head.components(separatedBy: "\r\n").filter { !$0.isEmpty }
            guard let words = lines.first?.split(separator: " "), words.count == 3 else { return nil }
            method = String(words[0])
            target = String(words[1])
            var headers: [String: String] = [:]
            for line in lines.dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
            self.headers = headers
            self.connection = connection
        }

        var length: Int { headers["content-length"].flatMap { Int($0) } ?? 0 }
        /// The method and target in one text.
        var line: String { "\(method) \(target)" }
        fileprivate var isRead: Bool { state.withLock { $0.read == length } }

        /// Reads the next bytes of the body; all that is left without a count.
        func body(_ count: Int? = nil) -> [UInt8] {
            let (left, asks) = state.withLock { state in
                let left = min(count ?? .max, length - state.read)
                let asks = headers["expect"] != nil && !state.isAsked
                state = (state.read + left, true)
                return (left, asks)
            }
            if asks { connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
            return connection.exactly(left)
        }
    }

    /// What is sent back; a body shorter than its `length` breaks the connection.
    struct Answer: Sendable {
        var status: Int
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var length: Int?

        init(_ status: Int, _ headers: [String: String] = [:], _ body: some Sequence<UInt8> = [], length: Int? = nil) {
            self.status = status
            self.headers = headers
            self.body = Array(body)
            self.length = length
        }
    }

    private let server: ScriptedServer
    private let lines: LineLog

    /// Answers by `respond`; nil closes the connection without an answer, and so does a body that was not read, behind its answer.
    init(_ respond: @escaping @Sendable (Request) -> Answer?) {
        let lines = LineLog()
        self.lines = lines
        server = ScriptedServer { connection in
            while let request = Request(connection.head(), connection) {
                lines.add(request.line)
                guard let answer = respond(request) else { return }
                let fields = answer.headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
                let length = request.method == "HEAD" ? answer.length : answer.length ?? answer.body.count
                let size = length.map { "Content-Length: \($0)\r\n" } ?? ""
                connection.send("HTTP/1.1 \(answer.status) Some\r\n\(fields)\(answer.status == 204 ? "" : size)\r\n")
                if request.method != "HEAD" { connection.send(answer.body) }
                if let length = answer.length, length > answer.body.count, request.method != "HEAD" { return }
                guard request.isRead else { return }
            }
        }
    }

    var port: Int { server.port }
    func url(_ path: String = "", host: String = "127.0.0.1") -> String { server.url(path, host: host) }
    /// The request lines so far, such as `GET /v2/`.
    var asked: [String] { lines.all }

    private final class LineLog: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }
}

/// A value that the threads of a test share.
final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }

    @discardableResult
    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { state.withLock { body(&$0) } }
}
