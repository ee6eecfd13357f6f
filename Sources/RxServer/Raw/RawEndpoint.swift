import RxHTTP
import RxModel
import RxPosix
import RxStore

/// `GET` and `HEAD /r/<locator>/<file path>`. Source: Specs/06-http, API-067 to API-079.
struct RawEndpoint: Endpoint {
    let methods = ["GET", "HEAD"]
    private let trees = TreeCache()

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let path = try RawPath(call.request, rest: call.rest)
        return .work { respond in
            do { try answer(path, on: nil, call, context, respond) } catch is TreeCache.MustWait {
                let taken = context.workers.long.submit {
                    do { try answer(path, on: context.workers, call, context, respond) } catch { respond(context.failure(error, call)) }
                }
                if !taken { respond(context.failure(Workers.stopping, call)) }
            } catch { respond(context.failure(error, call)) }
        }
    }

    /// Finds and sends what the path means. `workers` are nil on a thread that must not wait; throws `TreeCache.MustWait` there.
    private func answer(
        _ path: RawPath, on workers: Workers?, _ call: Call, _ context: ServerContext, _ respond: @escaping @Sendable (HTTPResponse) -> Void
    ) throws {
        let shelf = StoreShelf(context: context, trees: trees, workers: workers)
        let version = try context.store.version()
        switch try path.look(in: shelf) {
        case .response(let response): respond(try response.encoded(for: call.request))
        case .file(let file):
            let blob = try shelf.blob(of: file.file, in: file.resource)
            let missing = RegistryError.blobNotFound(file.file.digest)
            try BlobAnswer(blob: blob, tag: file.tag, what: "file", missing: missing, headers: file.headers)
                .send(call, context, version: version, respond)
        }
    }
}

/// The resources of a registry's store.
struct StoreShelf: RawShelf {
    let context: ServerContext
    let trees: TreeCache
    /// Nil where a long manifest must not be waited for.
    let workers: Workers?

    func resource(_ locator: Locator) throws -> RawResource? {
        // A locator has no registry here: what reads like a host is the first part of a path.
        guard let repository = locator.ownRepository else { return nil }
        let found = try context.store.resolve(registry: "", repository: repository, selector: try Selector(locator))
        guard let record = found else { return nil }
        let tree = try trees.tree(of: record, on: workers) { ResourceTree(try context.store.manifest(of: record)) }
        return RawResource(locator: record.reference.locator, digest: record.manifestDigest, tree: tree, isFixed: record.isResource)
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
