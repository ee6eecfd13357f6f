import RxHTTP
import RxModel
import RxPosix
import RxStore

/// `GET` and `HEAD /r/<locator>/<file path>`. Source: Specs/06-http, API-067 to API-079.
struct RawEndpoint: Endpoint {
    /// A file of up to this many bytes is hashed where catalogs are read, when it was not before; a longer one on a thread for long work.
    private static let quickBytes = 8 << 20

    let methods = ["GET", "HEAD"]
    private let trees = TreeCache()

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let path = try RawPath(call.request, rest: call.rest)
        let shelf = StoreShelf(context: context, trees: trees)
        return .work { respond in
            do {
                let version = try context.store.version()
                switch try path.look(in: shelf) {
                case .response(let response): respond(try response.encoded(for: call.request))
                case .file(let file): try send(file, from: shelf, call, version: version, respond)
                }
            } catch { respond(context.failure(error, call)) }
        }
    }

    /// Answers once the file's bytes are known to be right.
    private func send(
        _ file: RawFile, from shelf: StoreShelf, _ call: Call, version: Int, _ respond: @escaping @Sendable (HTTPResponse) -> Void
    ) throws {
        let context = shelf.context
        let request = call.request
        let blob = try shelf.blob(of: file.file, in: file.resource)
        // No byte of it is sent.
        if request.method == "HEAD" {
            return respond(file.response(to: request, try context.store.content(of: blob).body(length: blob.size)))
        }
        if let content = try context.store.trusted(blob, upTo: RawEndpoint.quickBytes) {
            return respond(keep(content, file, request, context, version: version))
        }
        if blob.size > BlobBody.waitBytes, request.headers["Range"] == nil {
            return respond(file.response(to: request, .stream(BlobBody(blob, context), length: blob.size)))
        }
        let taken = context.workers.long.submit {
            do { respond(file.response(to: request, try shelf.body(of: file.file, in: file.resource))) } catch {
                respond(context.failure(error, call))
            }
        }
        if !taken { throw Workers.stopping }
    }

    /// The answer from bytes that are right, kept for the next request.
    private func keep(_ content: BlobContent, _ file: RawFile, _ request: HTTPRequest, _ context: ServerContext, version: Int)
        -> HTTPResponse
    {
        let whole = file.whole(content.body(length: file.file.size))
        if case .file(let descriptor) = content, request.query == nil,
            let kept = CachedAnswer(whole, tag: file.tag, file: descriptor)
        {
            context.responses.keep(kept, for: request.path, version: version)
        }
        return file.response(to: request, whole.body)
    }
}

/// The resources of a registry's store.
struct StoreShelf: RawShelf {
    let context: ServerContext
    let trees: TreeCache

    func resource(_ locator: Locator) throws -> RawResource? {
        // A locator has no registry here: what reads like a host is the first part of a path.
        guard let repository = locator.ownRepository else { return nil }
        let found = try context.store.resolve(registry: "", repository: repository, selector: try Selector(locator))
        guard let record = found else { return nil }
        let tree = try trees.tree(of: record) { ResourceTree(try context.store.manifest(of: record)) }
        return RawResource(locator: record.reference.locator, digest: record.manifestDigest, tree: tree)
    }

    func body(of file: ResourceFile, in resource: RawResource) throws -> HTTPResponse.Body {
        let blob = try blob(of: file, in: resource)
        guard let content = try context.store.trusted(blob, upTo: .max) else { throw RegistryError.blobNotFound(file.digest) }
        return content.body(length: blob.size)
    }

    /// The blob of a file. Throws `RegistryError` when the repository has it no longer.
    func blob(of file: ResourceFile, in resource: RawResource) throws -> StagedBlob {
        let found = try resource.pinned.ownRepository.flatMap { repository in
            try context.store.blob(.sha256(file.digest), in: repository, leasing: false)
        }
        guard let found else { throw RegistryError.blobNotFound(file.digest) }
        return found
    }
}

extension Locator {
    /// The repository of a registry's own that is meant, where a first part that reads like a host is one of the path; nil for one with a port.
    fileprivate var ownRepository: String? {
        guard let registry else { return repository }
        return registry.utf8.contains(UInt8(ascii: ":")) ? nil : "\(registry)/\(repository)"
    }
}

extension BlobContent {
    /// The bytes, as a body.
    func body(length: Int) -> HTTPResponse.Body {
        switch self {
        case .file(let file): .file(file, offset: 0, length: length)
        case .bytes(let bytes): .bytes(bytes)
        }
    }
}
