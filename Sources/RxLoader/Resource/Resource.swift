import RxModel

/// Something that is read and written under a path. It always answers: what fails is answered by a condition.
///
/// Source: Specs/15-loader, LOD-001 and LOD-002.
public protocol Resource: Sendable {
    /// Reads what is at the headers' path.
    func get(_ headers: Headers) async -> Reply
    /// Writes `body` to what is at the headers' path.
    func put(_ headers: Headers, _ body: Body) async -> Reply
}

extension Resource {
    /// Not implemented: condition `not-found`.
    public func get(_ headers: Headers) async -> Reply { .notFound }
    /// Not implemented: condition `not-found`.
    public func put(_ headers: Headers, _ body: Body) async -> Reply { .notFound }
}

/// A resource made of functions that may throw.
public struct Handler: Resource {
    /// Answers a reading.
    public typealias Get = @Sendable (Headers) async throws -> Reply
    /// Answers a writing.
    public typealias Put = @Sendable (Headers, Body) async throws -> Reply

    private let reading: Get?
    private let writing: Put?

    /// Answers by `get` and `put`; one that is nil answers condition `not-found`. What they throw is answered by condition `error`
    /// and reported to the caller's kit.
    public init(get: Get? = nil, put: Put? = nil) {
        reading = get
        writing = put
    }

    public func get(_ headers: Headers) async -> Reply {
        guard let reading else { return .notFound }
        do { return try await reading(headers) } catch { return Reply.failed(error, headers) }
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let writing else { return .notFound }
        do { return try await writing(headers, body) } catch { return Reply.failed(error, headers) }
    }
}

extension Reply {
    /// The answer for an error that was thrown: condition `error` with its message, reported to the caller's kit.
    static func failed(_ error: any Error, _ headers: Headers) -> Reply {
        let reply = Reply.condition(.error, "\(error)")
        reply.report(path: headers.path, to: headers.kit)
        return reply
    }

    /// Puts the condition to `/condition` of a kit, and waits for nothing. The request has no kit of its own: a report that fails is
    /// not reported.
    func report(path: String, to kit: Kit?) {
        guard let kit, let condition else { return }
        let report = JSON.members([
            "condition": .string(condition.rawValue), "message": message.map { .string($0) }, "path": .string(path),
            "code": others["code"],
        ])
        Task { _ = await kit.put(Headers("/condition"), .json(report)) }
    }
}
