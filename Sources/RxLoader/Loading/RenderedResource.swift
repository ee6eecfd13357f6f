import RxModel
import Synchronization

/// A resource whose type makes of its files what a user sees. Source: Specs/15-loader, LOD-034.
///
/// The rest of the path is the type's argument. What is small is made once: the content behind a manifest never changes.
final class RenderedResource: Resource {
    /// How many bytes of text are kept for later requests, of one resource.
    private static let keptBytes = 256 << 10

    private struct Kept {
        /// The one for the resource itself, which most requests want.
        var whole: Reply?
        var replies: [String: Reply] = [:]
        var bytes = 0
    }

    private let content: ManifestContent
    private let type: any ResourceType
    private let disk: BlockingWork
    private let kept = Mutex(Kept())

    init(_ content: ManifestContent, type: any ResourceType, disk: BlockingWork) {
        self.content = content
        self.type = type
        self.disk = disk
    }

    func get(_ headers: Headers) async -> Reply {
        if let reply = kept.withLock({ headers.path == "/" ? $0.whole : $0.replies[headers.path] }) { return reply }
        let segments = RoutePath.segments(headers.path)
        let argument = segments.isEmpty ? nil : segments.joined(separator: "/")
        do {
            let (reply, bytes) = try await disk.run { [content, type] in
                try RenderedResource.render(content, type, argument)
            }
            if let bytes { keep(reply, bytes, for: headers.path) }
            return reply
        } catch {
            let reply = Reply.refused(error)
            if reply.condition != .notFound { reply.report(path: headers.path, to: headers.kit) }
            return reply
        }
    }

    func put(_ headers: Headers, _ body: Body) async -> Reply {
        .condition(.readOnly, "\(content.locator) can only be read: put a new version into a store or registry")
    }

    /// The answer, and how many bytes it holds when it is made for good.
    private static func render(_ content: ManifestContent, _ type: any ResourceType, _ argument: String?) throws -> (Reply, Int?) {
        switch try type.render(content, argument: argument) {
        case .text(let text): return (Reply(.text(text), type: type.name), text.utf8.count)
        case .json(let value): return (Reply(.json(value), type: type.name), value.canonical.count)
        case .bytes:
            // Opened above to see that it can be; each reader opens it anew.
            let stream = BodyStream {
                guard case .bytes(let source) = try type.render(content, argument: argument) else {
                    throw ResourceTypeError("\(content.locator): type \"\(type.name)\" gave bytes first and something else later")
                }
                return source
            }
            return (Reply(.stream(stream), type: type.name), nil)
        }
    }

    private func keep(_ reply: Reply, _ bytes: Int, for path: String) {
        let bytes = bytes + path.utf8.count
        kept.withLock { kept in
            guard (path == "/" ? kept.whole : kept.replies[path]) == nil, kept.bytes + bytes <= RenderedResource.keptBytes else { return }
            if path == "/" { kept.whole = reply } else { kept.replies[path] = reply }
            kept.bytes += bytes
        }
    }
}

extension Reply {
    /// The answer for an error of stores, registries and types: its condition follows from its status, its code goes with it.
    static func refused(_ error: any Error) -> Reply {
        guard let error = error as? any ResourceError else { return .condition(.error, "\(error)") }
        let condition: Condition =
            switch error.code.status {
            // The resource is there and has lost a part: nobody is to believe that it is not.
            case _ where error.code == .blobUnknown: .error
            case 404: .notFound
            case 401, 403: .forbidden
            case 429, 502, 503, 504: .unavailable
            case 400..<500: .invalid
            default: .error
            }
        return .condition(condition, error.message, others: ["code": .string(error.code.wire)])
    }
}
