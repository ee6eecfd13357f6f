import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Synchronization

@testable import RxClient

/// A registry with negotiated transfers in memory, which can be told to fail.
final class FakeTransfers: Sendable {
    struct State: Sendable {
        var blobs: [Digest: [UInt8]] = [:]
        /// Manifests by digest, wherever they are.
        var manifests: [Digest: [UInt8]] = [:]
        /// Digests of manifests by locator.
        var tags: [String: Digest] = [:]
        /// What is done to the answers, by turn: each is used once.
        var faults: [Fault] = []
        /// How it describes a resource.
        var description = Description.manifest
    }

    /// A way to describe a resource.
    enum Description {
        /// By its manifest's bytes, where they are asked for.
        case manifest
        /// By its files, as a registry does that does not know of more.
        case files
        /// By another manifest than it says.
        case wrong
        /// By bytes that are no manifest at all.
        case noise
    }

    /// What goes wrong with one request.
    enum Fault: Sendable {
        /// It is answered like this.
        case answer(RecordedTransport.Answer)
        /// The first blobs of its stream arrive, then the connection breaks.
        case breakAfter(Int)
        /// Nothing.
        case none
    }

    private let state = Mutex(State())

    func change<Value>(_ body: (inout sending State) throws -> sending Value) rethrows -> sending Value { try state.withLock(body) }
    var blobs: [Digest: [UInt8]] { state.withLock { $0.blobs } }
    func tag(_ locator: String) -> Digest? { state.withLock { $0.tags[locator] } }

    static let headers: HTTPHeaders = [TransferWire.header: TransferWire.version]

    static func error(_ status: Int, _ code: String, _ message: String = "no") -> RecordedTransport.Answer {
        var answer = RecordedTransport.Answer.json(status, .members(["error": .string(message), "code": .string(code)]))
        answer.headers[TransferWire.header] = TransferWire.version
        return answer
    }

    /// Answers as a registry does, and remembers what was asked.
    var transport: RecordedTransport {
        RecordedTransport { [self] asked in
            let fault = state.withLock { $0.faults.isEmpty ? Fault.none : $0.faults.removeFirst() }
            if case .answer(let answer) = fault { return answer }
            var arrive = Int.max
            if case .breakAfter(let count) = fault { arrive = count }
            let path = String(asked.url.dropFirst("http://a.test".count))
            var answer = try answer(asked, path, arrive)
            answer.headers[TransferWire.header] = TransferWire.version
            return answer
        }
    }

    private func answer(_ asked: RecordedTransport.Asked, _ path: String, _ arrive: Int) throws -> RecordedTransport.Answer {
        let query = Dictionary(
            path.drop { $0 != "?" }.dropFirst().split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1)
                return (String(parts[0]), PercentEncoding.decode(String(parts[1])) ?? "")
            }
        ) { first, _ in first }
        switch (asked.method, path.prefix { $0 != "?" }) {
        case ("POST", "/api/v1/blobs"):
            let stored = try take(asked.body, arrive)
            guard let locator = query["locator"], let manifest = query["manifest"].flatMap({ Digest($0) }) else {
                return .json(200, StoredAnswer(stored: stored.count, bytes: stored.reduce(0, +)).json)
            }
            return try commit(locator, manifest)
        case ("POST", "/api/v1/blobs/missing"):
            let missing = try MissingQuery(parsing: plain(asked)).blobs.map(\.digest).filter { blobs[$0] == nil }
            return RecordedTransport.Answer(body: MissingAnswer(missing: missing).canonical)
        case ("POST", "/api/v1/blobs/fetch"): return try fetch(FetchQuery(parsing: plain(asked)), arrive)
        case (_, let path) where path.hasPrefix(Route.resourcePrefix):
            let locator = PercentEncoding.decode(String(path.dropFirst(Route.resourcePrefix.count))) ?? ""
            return try describe(locator, asked)
        default: return FakeTransfers.error(404, "NOT_FOUND")
        }
    }

    private func plain(_ asked: RecordedTransport.Asked) throws -> [UInt8] { try DecodingSource(BytesSource(asked.body)).readAll() }

    /// Takes the blobs of a stream; gives their sizes.
    private func take(_ body: [UInt8], _ arrive: Int) throws -> [Int] {
        guard !body.isEmpty else { return [] }
        let reader = try BatchReader(BytesSource(body))
        var sizes: [Int] = []
        while let entry = try reader.next() {
            if sizes.count == arrive { throw FakeTransfers.broken }
            let bytes = try reader.readAll()
            guard sha256(bytes) == entry.digest else {
                throw RegistryError("no", code: .digestInvalid, cause: Lie(entry.digest))
            }
            state.withLock { $0.blobs[entry.digest] = bytes }
            sizes.append(bytes.count)
        }
        return sizes
    }

    struct Lie: Error {
        let digest: Digest
        init(_ digest: Digest) { self.digest = digest }
    }

    static let broken = RegistryError("The connection was lost", code: .unreachable, cause: HTTPFailure(.interrupted, "cut"))

    private func commit(_ locator: String, _ digest: Digest) throws -> RecordedTransport.Answer {
        let state = state.withLock { $0 }
        guard state.tags[locator] != digest else { return try receipt(locator, digest) }
        guard let bytes = state.blobs[digest] ?? state.manifests[digest] else { return FakeTransfers.error(404, "MANIFEST_UNKNOWN") }
        let manifest = try ArtifactManifest(parsing: bytes, mediaType: nil)
        let named = [manifest.config!] + manifest.layers
        let absent = named.indices.filter { index in
            named[index].digest.sha256.flatMap { state.blobs[$0] }?.count != named[index].size
        }
        guard absent.isEmpty else {
            let answer = PendingAnswer(missing: BlobPositions(ascending: absent), bytes: absent.reduce(0) { $0 + named[$1].size })
            return .json(202, answer.json)
        }
        self.state.withLock { state in
            state.manifests[digest] = bytes
            state.tags[locator] = digest
        }
        return try receipt(locator, digest)
    }

    private func receipt(_ locator: String, _ digest: Digest) throws -> RecordedTransport.Answer {
        .json(201, PublishReceipt(locator: try Locator(parsing: locator), digest: digest, manifestDigest: digest).json)
    }

    private func describe(_ locator: String, _ asked: RecordedTransport.Asked) throws -> RecordedTransport.Answer {
        let state = state.withLock { $0 }
        guard let digest = state.tags[locator] else { return FakeTransfers.error(404, "RESOURCE_NOT_FOUND") }
        let tag = EntityTag(digest.description)
        guard !tag.matches(ifNoneMatch: asked.headers["If-None-Match"]) else {
            return RecordedTransport.Answer(status: 304, headers: ["ETag": tag.description])
        }
        let manifest = try ResourceManifest(parsing: state.manifests[digest]!)
        let info = ResourceInfo(
            locator: try Locator(parsing: locator), digest: manifest.tree, manifestDigest: digest, mediaType: MediaType.imageManifest,
            artifactType: MediaType.resource, size: manifest.size, fileCount: manifest.files.count, createdAt: 1, updatedAt: 2,
            definition: manifest.definition, files: manifest.files)
        if asked.url.hasSuffix("?files=true&manifest=true"), state.description != .files {
            let other = try ResourceManifest(definition: manifest.definition, files: [manifest.files[0]])
            let said: [UInt8] =
                switch state.description {
                case .manifest, .files: manifest.bytes
                case .wrong: other.bytes
                case .noise: Array("[[[ no manifest".utf8)
                }
            let body = ResourceDescription.encode(info, manifest: said)
            return RecordedTransport.Answer(
                headers: ["ETag": tag.description, "Content-Type": ResourceDescription.mediaType, "Content-Encoding": "zstd"],
                body: try zstdCompressed(body))
        }
        return RecordedTransport.Answer(
            headers: ["ETag": tag.description, "Content-Encoding": "zstd"],
            body: asked.method == "HEAD" ? [] : try zstdCompressed(info.json.canonical))
    }

    private func fetch(_ query: FetchQuery, _ arrive: Int) throws -> RecordedTransport.Answer {
        let state = state.withLock { $0 }
        var digests: [Digest] = []
        switch query.selection {
        case .digests(let list): digests = list
        case .positions(let positions, let manifest):
            let files = try ResourceManifest(parsing: state.manifests[manifest]!).files
            digests = positions.all.map { $0 == 0 ? ResourceManifest.emptyConfigDigest : files[$0 - 1].digest }
        }
        let sink = BytesSink()
        let writer = BatchWriter(to: sink)
        for digest in digests.prefix(arrive) {
            guard let bytes = state.blobs[digest] else { return FakeTransfers.error(404, "BLOB_UNKNOWN") }
            try writer.add(digest, size: bytes.count, content: BytesSource(bytes))
        }
        if arrive < digests.count {
            try writer.add(digests[arrive], size: state.blobs[digests[arrive]]!.count, content: BytesSource(state.blobs[digests[arrive]]!))
            try writer.finish()
            // Half of the next blob's block, and no more.
            return RecordedTransport.Answer(body: Array(sink.bytes.dropLast(1024 + 512 + 256)), isBroken: true)
        }
        try writer.finish()
        return RecordedTransport.Answer(headers: ["Content-Type": "application/x-tar"], body: sink.bytes)
    }
}
