import RxArchive
public import RxHTTP
public import RxModel
import RxPosix
public import RxProtocol
public import RxStore
import Synchronization

/// Speaks ResourceX v1 to one registry. Source: Specs/06-http.
public struct RegistryClient: Sendable {
    private let registry: RegistryURL
    private let transport: any HTTPTransport
    private let progress: any Progress

    /// Speaks to `registry` over `transport`.
    public init(_ registry: RegistryURL, transport: any HTTPTransport, progress: any Progress = NoProgress()) {
        self.registry = registry
        self.transport = transport
        self.progress = progress
    }

    /// What the registry says of a resource, with its files. Throws `RegistryError` "Resource not found" when it has none.
    public func info(_ locator: Locator) throws -> ResourceInfo {
        let (_, body) = try description(Route.resourceWithFiles(locator), locator, unless: nil)
        do { return try ResourceInfo(parsing: body) } catch { throw refusal(error, body, has: "locator") }
    }

    /// What a registry says of a resource.
    struct Description {
        /// Nil when the manifest is still the one that is known.
        let info: ResourceInfo?
        /// The manifest's bytes, where the registry gave these in place of the files.
        let manifest: [UInt8]?
        /// Whether the registry has negotiated transfers.
        let hasTransfers: Bool
    }

    /// Asks for a resource with its files or its manifest. Nothing of it comes when its manifest is still `known`.
    func describe(_ locator: Locator, unless known: Digest?) throws -> Description {
        let (head, body) = try description(Route.resourceWithManifest(locator), locator, unless: known)
        if head.status == 304, known != nil { return Description(info: nil, manifest: nil, hasTransfers: head.hasTransfers) }
        do {
            guard head.headers["Content-Type"] == ResourceDescription.mediaType else {
                return Description(info: try ResourceInfo(parsing: body), manifest: nil, hasTransfers: head.hasTransfers)
            }
            let answer = try ResourceDescription(parsing: body)
            return Description(info: answer.info, manifest: answer.manifest, hasTransfers: head.hasTransfers)
        } catch { throw refusal(error, body, has: "locator") }
    }

    private func description(_ route: String, _ locator: Locator, unless known: Digest?) throws -> (head: ResponseHead, body: [UInt8]) {
        var request = request("GET", route)
        request.headers["Accept-Encoding"] = ContentCoding.accepted
        request.headers["If-None-Match"] = known.map { EntityTag($0.description).description }
        let (head, encoded) = try transport.collect(request, limit: RegistryClient.infoLimit)
        if head.status == 304, known != nil { return (head, []) }
        let body = try ContentCoding.decoded(encoded, head, limit: RegistryClient.infoLimit)
        try check(head, body, locator)
        return (head, body)
    }

    /// A page of what the registry finds.
    public func search(_ text: String, limit: Int, offset: Int) throws -> SearchResults {
        let (head, body) = try transport.collect(
            request("GET", Route.search(text, limit: limit, offset: offset)), limit: RegistryClient.infoLimit)
        try check(head, body, nil)
        do { return try SearchResults(parsing: body) } catch { throw refusal(error, body, has: "results") }
    }

    /// The resources that provide a module: none where the registry does not know that of its resources.
    public func providers(of module: ModuleName) throws -> Providers {
        let (head, body) = try transport.collect(request("GET", Route.provides(module)), limit: RegistryClient.infoLimit)
        if head.status == 404, ErrorBody(parsing: body).map({ $0.code != ErrorCode.invalidAnswer.wire }) == true { return Providers([]) }
        try check(head, body, nil)
        do { return try Providers(parsing: body) } catch { throw refusal(error, body, has: "providers") }
    }

    /// Asks whether the registry has these calls. Throws `RegistryError` when it has not, or does not answer.
    func greet() throws {
        let (head, body) = try transport.collect(request("GET", Route.health), limit: RegistryClient.infoLimit)
        // What an rx registry refuses, it refuses by its own words.
        if head.status != 200, let answer = ErrorBody(parsing: body), answer.code != ErrorCode.invalidAnswer.wire { return }
        try check(head, body, nil)
        guard (try? JSON(parsing: body))?["status"]?.string != nil else {
            throw RegistryError.anotherInterface(registry, "with something that is no answer of an rx registry")
        }
    }

    /// Sends a resource, its archive made while it is sent. Throws `RegistryError` when the registry refuses it or answers with
    /// another digest than the one that was sent.
    public func publish(_ manifest: ResourceManifest, as locator: Locator, from store: some Store) throws -> PublishReceipt {
        progress.begin("pushing", total: manifest.size)
        defer { progress.end() }
        let definition = manifest.definition.json.canonical
        let (head, body) = try BytePipe.run { sink in
            try writeArchive(files: manifest.files, to: sink) { MeteredSource(try store.open($0), progress) }
        } consume: { archive in
            var request = request("POST", Route.publish)
            request.body = .form(FormPart.publish(locator: locator.at(registry: nil).description, manifest: definition, content: archive))
            return try transport.collect(request)
        }
        try check(head, body, locator)
        let receipt = try PublishReceipt(parsing: body)
        guard receipt.digest == manifest.tree else {
            throw RegistryError(
                "\(registry) stored \(locator) with digest \(receipt.digest), not \(manifest.tree)", code: .digestInvalid,
                hint: "run the same command again")
        }
        return receipt
    }

    /// Fetches the files of `manifest` and stages them. Throws `ContentError` when what comes is not exactly those files.
    func content(of manifest: ResourceManifest, _ locator: Locator, into operation: any StoreOperation) throws {
        progress.begin("pulling", total: manifest.size)
        let limits = ArchiveLimits(maxEntries: max(manifest.files.count * 4, 1000), maxUnpackedBytes: manifest.size)
        let request = SendableRequest(value: request("GET", Route.content(locator)))
        let refusal = Mutex<(head: ResponseHead, body: [UInt8])?>(nil)
        do {
            let files = try BytePipe.run { sink in
                let problem = BytesSink(limit: RegistryClient.infoLimit)
                let head = try transport.perform(request.value) { $0.status == 200 ? sink : problem }
                if head.status != 200 {
                    refusal.withLock { [bytes = problem.bytes] in $0 = (head, bytes) }
                    throw BytePipe.Closed()
                }
            } consume: { archive in
                try readArchive(archive, limits: limits) { content in
                    let blob = try operation.stage(MeteredSource(content, progress), expecting: nil)
                    return (blob.digest, blob.size)
                }
            }
            guard files == manifest.files else {
                throw ContentError(
                    "\(registry) sent other files for \(locator) than it described", code: .digestInvalid,
                    hint: "nothing was stored; try again")
            }
        } catch let error {
            if let (head, body) = refusal.withLock({ $0 }) { try check(head, body, locator) }
            throw error
        }
    }

    /// The longest answer about a resource that is read, in bytes.
    static let infoLimit = 256 << 20

    private func request(_ method: String, _ path: String) -> TransportRequest {
        TransportRequest(method, registry.url(path), endpoint: registry.description, headers: ["Accept": "application/json"])
    }

    /// Throws what an answer of another status than 2xx means.
    private func check(_ head: ResponseHead, _ body: [UInt8], _ locator: Locator?) throws {
        guard !(200..<300).contains(head.status) else { return }
        guard let answer = ErrorBody(parsing: body), answer.code != ErrorCode.invalidAnswer.wire else {
            guard head.status < 500, head.status != 429 else {
                throw RegistryError("\(registry) answered \(head.status)", code: .invalidAnswer, hint: "try again later")
            }
            throw RegistryError.anotherInterface(registry, "\(head.status)")
        }
        let failure = answer.failure(status: head.status)
        if failure.code == .resourceNotFound, let locator {
            throw RegistryError.notFound(locator.at(registry: registry.authority).description)
        }
        throw failure
    }
}

extension RegistryClient {
    /// The error for an answer that is none of these calls' when it lacks the member that each of them has, else what was wrong with it.
    private func refusal(_ error: RegistryError, _ body: [UInt8], has member: String) -> RegistryError {
        if let json = try? JSON(parsing: body), json[member] != nil { return error }
        return RegistryError.anotherInterface(registry, "with something that is no answer of an rx registry")
    }
}

/// A request that is handed to the one thread that sends it.
private struct SendableRequest: @unchecked Sendable {
    // Made here, used by the sending thread alone.
    let value: TransportRequest
}
