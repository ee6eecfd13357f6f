package import RxHTTP
import RxModel
import RxPosix
import RxProtocol
package import RxServer

/// Answers the programs that a host serves. Source: Specs/17-run, "The host".
package struct RunHandler: HTTPHandler {
    /// The longest body that is received, in bytes.
    package static let bodyLimit = 16 << 20

    /// Whose request it is.
    struct Session: Sendable {
        let binder: ModuleBinder
        /// What follows the session's name in the path, without a slash in front.
        let path: String
    }

    let session: @Sendable (_ request: HTTPRequest) -> Session?
    let workers: Workers

    package func react(to request: HTTPRequest, id: String) -> Reaction {
        guard let session = session(request) else { return .answer(RunHandler.nothing) }
        let binder = session.binder
        // The first three segments, and the rest as it is.
        let parts = session.path.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 3, omittingEmptySubsequences: false).map {
            Substring($0)
        }
        guard parts.first != "r" else { return raw(request, session) }
        guard parts.count > 1, parts[0] == "v1" else { return .answer(RunHandler.nothing) }
        let isPost = parts[1] == "uses"
        guard request.method == (isPost ? "POST" : "GET") else { return .answer(RunHandler.wrongMethod(isPost ? "POST" : "GET")) }
        switch (parts[1], parts.count) {
        case ("uses", 2): return .receive(UsesReceiver(binder))
        case ("modules", 2): return work { RunAnswers.table(binder) }
        case ("routes", 2): return work { RunAnswers.routes([binder]) }
        case ("modules", 4):
            let asText = request.headers["Accept"] == "text/plain"
            return slowWork { try RunAnswers.module(language: parts[2], name: parts[3], asText: asText, binder) }
        case ("folders", 4): return slowWork { try RunAnswers.folder(digest: parts[2], path: parts[3], binder) }
        case ("files", 4): return slowWork { try RunAnswers.file(digest: parts[2], path: parts[3], binder) }
        default: return .answer(RunHandler.nothing)
        }
    }

    private func raw(_ request: HTTPRequest, _ session: Session) -> Reaction {
        guard ["GET", "HEAD"].contains(request.method) else { return .answer(RunHandler.wrongMethod("GET, HEAD")) }
        let rest = String(session.path.utf8.dropFirst(2))!
        return slowWork { try BinderShelf(session.binder).answering(request, rest: rest) }
    }

    /// What is looked up without waiting for a disk or another machine for long.
    private func work(_ job: @escaping @Sendable () throws -> HTTPResponse) -> Reaction {
        .work { respond in respond(RunHandler.answer(job)) }
    }

    /// What may wait for a registry: on a thread of its own, so that others are answered meanwhile.
    private func slowWork(_ job: @escaping @Sendable () throws -> HTTPResponse) -> Reaction {
        .work { [workers] respond in
            let isTaken = workers.long.submit { respond(RunHandler.answer(job)) }
            if !isTaken { respond(RunHandler.failure(Workers.stopping)) }
        }
    }

    static func answer(_ job: () throws -> HTTPResponse) -> HTTPResponse {
        do { return try job() } catch { return failure(error) }
    }

    /// An error's answer. The program is the user's own: it learns all that rx knows.
    static func failure(_ error: any Error) -> HTTPResponse {
        guard let known = error as? any ResourceError else {
            return failure(RegistryError(String(describing: error), code: .internalError))
        }
        return .json(known.code.status, ErrorBody(error: known.message, code: known.code.wire, hint: known.hint).json)
    }

    static let nothing = failure(RegistryError("There is nothing at this path", code: .notFound))

    static func wrongMethod(_ allowed: String) -> HTTPResponse {
        var response = failure(RegistryError("This path takes \(allowed)", code: .methodNotAllowed))
        response.headers["Allow"] = allowed
        return response
    }
}

/// Receives what programs used without asking. The server calls it on one thread at a time.
private final class UsesReceiver: UploadReceiver, @unchecked Sendable {
    private let binder: ModuleBinder
    private var bytes: [UInt8] = []

    init(_ binder: ModuleBinder) { self.binder = binder }

    // The server refuses what is longer than its limit.
    func receive(_ more: UnsafeRawBufferPointer) -> HTTPResponse? {
        bytes.append(contentsOf: more)
        return nil
    }

    func finish() -> HTTPResponse { RunHandler.answer { try RunAnswers.uses(bytes, binder) } }
}
