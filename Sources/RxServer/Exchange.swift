import CMicroHTTPD
import Glibc
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import Synchronization

/// One request from its first line to its end. Lives on its connection's event thread; only `result` is written by another one.
final class Exchange: @unchecked Sendable {
    /// Why a request is over, in the library's numbers.
    enum End: Int32 {
        case completed, error, timeout, shutdown, readError, clientAbort
    }

    private enum State {
        /// The head was not seen yet.
        case head
        /// Decided; what there is of a body is dropped first.
        case decided(Reaction)
        /// The body goes to a receiver.
        case receiving(any UploadReceiver)
        /// The body goes to a thread of its own.
        case streaming(IncomingStream)
        /// A worker has it; the connection is suspended.
        case working
        /// Answered through the library.
        case answered
        /// Answered past the library while the body still comes: read on for a while so that the client sees the answer.
        case lingering(until: Int)
    }

    /// A body up to this length is read and dropped rather than losing the connection.
    private static let droppedBytes = 1 << 20
    /// How long, in nanoseconds, and how far a refused upload is read on.
    private static let lingerTime = 5_000_000_000
    private static let lingerBytes = 64 << 20

    private let server: HTTPServer
    private let connection: OpaquePointer
    private let client: ClientConnection?
    private let target: String
    /// Where the request target ended in the library's buffer: a NUL inside it shows when the version follows elsewhere.
    private let targetEnd: UnsafePointer<CChar>?
    private let startedAt = Clock.monotonic
    private var state = State.head
    private var framing = BodyFraming.none
    private var received = 0
    private var lingered = 0
    /// Whether the connection is given up early when nothing moves on it.
    private var isHurried = false
    private let result = Mutex<HTTPResponse?>(nil)

    private var face = Face.api
    private var method = ""
    private var id = ""
    private var status = 0
    private var bytes = 0
    /// The body of the answer, when it is made while it is sent.
    private var outgoing: OutgoingStream?

    init(_ server: HTTPServer, _ connection: OpaquePointer, _ target: UnsafePointer<CChar>?, _ client: ClientConnection?) {
        self.server = server
        self.connection = connection
        self.client = client
        self.target = target.map { String(cString: $0) } ?? ""
        targetEnd = target.map { $0 + strlen($0) }
    }

    /// The head is there, or the body has ended, or work has. False closes the connection.
    func proceed(method: UnsafePointer<CChar>, version: UnsafePointer<CChar>) -> Bool {
        switch state {
        case .head:
            self.method = String(cString: method)
            server.active.wrappingAdd(1, ordering: .sequentiallyConsistent)
            return decide(methodText: method, version: version)
        case .decided(let reaction): return perform(reaction)
        case .receiving(let receiver): return work(server.workers.long) { respond in respond(receiver.finish()) }
        case .streaming(let stream):
            state = .working
            MHD_suspend_connection(connection)
            stream.end(resume)
            return true
        case .working:
            guard let response = result.withLock({ $0.take() }) else { return true }
            return answer(response)
        case .answered: return true
        case .lingering: return false
        }
    }

    /// Looks at the head and chooses what happens.
    private func decide(methodText: UnsafePointer<CChar>, version: UnsafePointer<CChar>) -> Bool {
        let head = RequestHead(connection, method: methodText, version: version)
        let headers = HTTPHeaders(head.headers)
        let request = HTTPRequest(method: method, target: target, headers: headers, remote: client?.remote ?? "")
        face = Face(path: request.path)
        id = server.requestIDs.name(headers["X-Request-Id"])
        do { framing = try BodyFraming(headers) } catch { return answerEarly(failure(error)) }
        do throws(RegistryError) {
            if client?.overLimit ?? false {
                throw RegistryError("the server has too many connections", code: .overloaded, hint: "try again in a moment")
            }
            guard rx_mhd_head_size(connection) <= server.limits.headBytes else {
                throw RegistryError("the request's head is longer than \(server.limits.headBytes) bytes", code: .headersTooLarge)
            }
            // A byte that is not UTF-8 was read as U+FFFD.
            guard targetEnd.map({ $0 + 1 }) == version,
                target.utf8.allSatisfy({ 1..<0x80 ~= $0 })
                    || !target.unicodeScalars.contains(where: { $0 == "\0" || $0 == "\u{FFFD}" })
            else {
                throw RegistryError("the request's path holds a NUL or is not UTF-8", code: .invalidRequest)
            }
            try head.check()
            try request.checkHead(version: String(cString: version))
            if case .known(let length) = framing, length > server.limits.bodyBytes { throw tooLarge }
        } catch { return refuse(closing(failure(error)), expects: headers["Expect"] != nil) }

        let reaction = server.handler.react(to: request, id: id)
        switch reaction {
        case .receive(let receiver):
            state = .receiving(receiver)
            return true
        case .stream(let slot, let process):
            let stream = IncomingStream(ConnectionSwitch(connection), paceSeconds: server.limits.idleSeconds)
            state = .streaming(stream)
            stream.start(slot, process)
            return true
        case .answer(let response): return refuse(response, expects: headers["Expect"] != nil)
        case .work:
            state = .decided(reaction)
            if framing.hasBody, remaining > Exchange.droppedBytes {
                return refuse(closing(failure(unwanted)), expects: headers["Expect"] != nil)
            }
            return true
        }
    }

    /// A part of the body: gives how much of it was taken, less than all when the connection was suspended. Nil closes the connection.
    func bodyCame(_ part: UnsafeRawBufferPointer) -> Int? {
        if case .streaming(let stream) = state { return streamed(part, stream) }
        received += part.count
        return isTaken(part) ? part.count : nil
    }

    private func isTaken(_ part: UnsafeRawBufferPointer) -> Bool {
        switch state {
        case .receiving(let receiver):
            if received > server.limits.bodyBytes { return refuse(closing(failure(tooLarge)), expects: false) }
            guard let response = receiver.receive(part) else { return !isCutOff }
            return refuse(response, expects: false)
        case .lingering(let end):
            lingered += part.count
            return lingered <= Exchange.lingerBytes && Clock.monotonic < end
        case .decided(.answer(let response)):
            lingered += part.count
            return lingered <= Exchange.droppedBytes || answerEarly(response)
        case .decided:
            lingered += part.count
            return lingered <= Exchange.droppedBytes || answerEarly(closing(failure(unwanted)))
        case .head, .streaming, .working, .answered: return true
        }
    }

    private func streamed(_ part: UnsafeRawBufferPointer, _ stream: IncomingStream) -> Int? {
        // Before any of it is offered: whoever takes a part only may have stopped the connection, and would not let it go on any more.
        guard received + part.count <= server.limits.bodyBytes else {
            stream.abandon()
            received += part.count
            return refuse(closing(failure(tooLarge)), expects: false) ? part.count : nil
        }
        switch stream.offer(part) {
        case .taken(let count):
            received += count
            return count == part.count && isCutOff ? nil : count
        case .answered(let response):
            received += part.count
            // Who sends too slowly is not waited for any longer: the rest of the body could take days.
            if response.status == ErrorCode.requestTimeout.status { return answerEarly(response) ? part.count : nil }
            return refuse(response, expects: false) ? part.count : nil
        }
    }

    /// Whether the client has gone while some of the body is missing. The library, which is told of a socket's changes once, overlooks an
    /// end that was there already when it read the last bytes, and would wait for the idle time; what was received would stay locked.
    private var isCutOff: Bool {
        switch framing {
        case .none: return false
        case .known(let length): return received < length && isEnded
        case .chunked:
            // The end of the body may be among the bytes that were read; when it is not, the library soon gives up.
            if !isHurried, isEnded { hurry(true) }
            return false
        }
    }

    /// Whether the client has sent all that it will.
    private var isEnded: Bool {
        var byte: UInt8 = 0
        let count = recv(rx_mhd_socket(connection), &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || count < 0 && errno == ECONNRESET
    }

    /// Lets the connection be idle for a second only, or again for as long as any other.
    private func hurry(_ isHurried: Bool) {
        self.isHurried = isHurried
        rx_mhd_limit_idle(connection, isHurried ? 1 : UInt32(server.limits.idleSeconds))
    }

    /// Answers without wanting (more of) the body.
    private func refuse(_ response: HTTPResponse, expects: Bool) -> Bool {
        guard framing.hasBody else {
            state = .decided(.answer(response))
            return true
        }
        // A client that waits for "100 Continue" has sent nothing yet and need not.
        if expects, received == 0 { return answer(closing(response)) }
        if remaining <= Exchange.droppedBytes || framing == .chunked && !response.headers.contains("close", in: "Connection") {
            state = .decided(.answer(response))
            return true
        }
        return answerEarly(response)
    }

    private var remaining: Int { if case .known(let length) = framing { length - received } else { framing == .none ? 0 : .max } }

    private func perform(_ reaction: Reaction) -> Bool {
        switch reaction {
        case .answer(let response): answer(response)
        case .work(let job): work(server.workers.quick, job)
        case .receive(let receiver): work(server.workers.long) { respond in respond(receiver.finish()) }
        case .stream: false
        }
    }

    /// Suspends the connection until the job has answered.
    private func work(
        _ pool: WorkerPool, _ job: @escaping @Sendable (_ respond: @escaping @Sendable (HTTPResponse) -> Void) -> Void
    ) -> Bool {
        state = .working
        MHD_suspend_connection(connection)
        let taken = pool.submit { [self] in
            do throws(RegistryError) {
                try server.workers.check()
                job(resume)
            } catch { resume(failure(error)) }
        }
        if !taken { resume(failure(Workers.stopping)) }
        return true
    }

    /// The work's answer is there; the connection goes on with it.
    private func resume(_ response: HTTPResponse) {
        result.withLock { $0 = response }
        MHD_resume_connection(connection)
    }

    private func failure(_ error: RegistryError) -> HTTPResponse { face.failure(error) }

    private var tooLarge: RegistryError {
        RegistryError("the request's body is longer than \(server.limits.bodyBytes) bytes", code: .contentTooLarge)
    }

    private var unwanted: RegistryError {
        RegistryError(
            "the request takes no body, and this one is longer than \(Exchange.droppedBytes) bytes", code: .contentTooLarge)
    }

    private func closing(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers["Connection"] = "close"
        return response
    }

    /// Hands the answer to the library. False when it cannot be sent.
    private func answer(_ response: HTTPResponse) -> Bool {
        var response = response
        var start: (() -> Void)?
        if case .stream(let producer, _) = response.body {
            do throws(RegistryError) {
                let slot = try server.workers.transfers.reserve()
                let stream = OutgoingStream(ConnectionSwitch(connection), paceSeconds: server.limits.idleSeconds)
                outgoing = stream
                start = { [server, id] in
                    stream.start(slot, producer) { server.log.problem("an answer was cut short: \($0)", id: id) }
                }
            } catch { response = failure(error) }
        }
        state = .answered
        if isHurried { hurry(false) }
        note(response)
        let isClosing = server.draining.load(ordering: .relaxed)
        guard let made = response.make(id: id, face.headers, closing: isClosing, stream: outgoing) else { return false }
        defer { MHD_destroy_response(made) }
        guard rx_mhd_queue(connection, UInt32(response.status), made) != 0 else { return false }
        start?()
        return true
    }

    /// Writes the answer to the socket: the library takes none between the first and the last byte of a body.
    private func answerEarly(_ response: HTTPResponse) -> Bool {
        var text = response
        text.headers["Connection"] = "close"
        text.headers["X-Request-Id"] = id
        for field in face.headers.fields { text.headers[field.name] = field.value }
        note(text)
        state = .lingering(until: Clock.monotonic + Exchange.lingerTime)
        let raw = text.raw(head: method == "HEAD")
        // The socket's buffer is empty, so a short answer fits in whole.
        let sent = raw.withUnsafeBytes { send(rx_mhd_socket(connection), $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if sent == raw.count { shutdown(rx_mhd_socket(connection), Int32(SHUT_WR)) }
        return sent == raw.count
    }

    private func note(_ response: HTTPResponse) {
        status = response.status
        bytes = method == "HEAD" || status == 304 || status == 204 ? 0 : response.body.count
    }

    /// The request is over: what is held is released, and the log told.
    func over(_ end: End) {
        if case .head = state {} else { server.active.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
        let lingered = if case .lingering = state { true } else { false }
        if case .streaming(let stream) = state { stream.abandon() }
        if let outgoing { bytes = outgoing.sent }
        if status == 0 { status = Int(rx_mhd_status(connection)) }
        if status == 0 {
            // Refused by the library without an answer, given up by the client, or cut off.
            status =
                switch end {
                case .timeout: 408
                case .error where method.isEmpty: 400
                default: 499
                }
        }
        server.log.write(
            AccessLog.Entry(
                method: method.isEmpty ? "-" : method, path: target, status: status, bytes: bytes, nanoseconds: Clock.monotonic - startedAt,
                id: id.isEmpty ? server.requestIDs.name(nil) : id, aborted: end != .completed && !lingered))
    }
}
