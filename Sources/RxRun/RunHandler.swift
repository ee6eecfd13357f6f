package import RxHTTP
import RxModel
import RxPosix
import RxProtocol
package import RxServer

/// Answers the programs that a host serves. Source: Specs/17-run, "The host".
package struct RunHandler: HTTPHandler {
    /// The longest body that is received, in bytes.
    package static let bodyLimit = 16 << 20

    let session: @Sendable (_ request: HTTPRequest) -> (binder: ModuleBinder, path: Substring)?
    let workers: Workers

    package func react(to request: HTTPRequest, id: String) -> Reaction {
        guard let (binder, path) = session(request) else { return .answer(RunHandler.nothing) }
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 3, omittingEmptySubsequences: false).map { Substring($0) }
        // An empty part in front of the first slash.
        let rest = Array(parts.dropFirst())
        if request.method == "POST" {
            guard rest == ["v1", "uses"] else { return .answer(RunHandler.wrongMethod("GET")) }
            return .receive(UsesReceiver(binder))
        }
        guard request.method == "GET" else { return .answer(RunHandler.wrongMethod("GET")) }
        switch (rest.first, rest.dropFirst().first) {
        case ("v1", "modules") where rest.count == 2: return work { RunAnswers.table(binder) }
        case ("v1", "modules") where rest.count == 3:
            let words = rest[2].utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1).map { Substring($0) }
            let asText = request.headers["Accept"] == "text/plain"
            return slowWork { try RunAnswers.module(words, asText: asText, binder) }
        case ("v1", "files") where rest.count == 3:
            let words = rest[2].utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1).map { Substring($0) }
            return slowWork { try RunAnswers.file(words, binder) }
        case ("v1", "routes") where rest.count == 2: return work { RunAnswers.routes(binder) }
        case ("v1", "uses") where rest.count == 2: return .answer(RunHandler.wrongMethod("POST"))
        default: return .answer(RunHandler.nothing)
        }
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
