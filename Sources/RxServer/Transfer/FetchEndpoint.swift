import RxArchive
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore

/// `POST /api/v1/blobs/fetch`: gives many blobs of a repository in one stream.
struct FetchEndpoint: Endpoint {
    let methods = ["POST"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        try QueryBody.reaction(call, context) { body, isAlone in
            let query = try FetchQuery(parsing: body)
            let blobs: [StagedBlob] =
                switch query.selection {
                case .digests(let digests): try find(digests, query.repository, context)
                case .positions(let positions, let manifest):
                    try find(positions, of: manifest, query.repository, context, isAlone: isAlone)
                }
            let coding = ContentCoding.preferred(call.request.headers["Accept-Encoding"])
            var headers: HTTPHeaders = ["Content-Type": "application/x-tar", "Vary": "Accept-Encoding"]
            if coding != .identity { headers["Content-Encoding"] = coding.rawValue }
            if let first = blobs.first { try checkPresent(first, context) }
            let length = coding == .identity ? BatchWriter.length(blobs.map(\.size)) : nil
            return HTTPResponse(200, headers: headers, body: .stream(BlobsBody(blobs, coding, context), length: length))
        }
    }

    private func find(_ digests: [Digest], _ repository: String, _ context: ServerContext) throws -> [StagedBlob] {
        let sizes = try context.store.sizes(of: digests, in: repository)
        return try digests.map { digest in
            guard let size = sizes[digest] else { throw unknown(.sha256(digest), repository) }
            return StagedBlob(digest: digest, size: size)
        }
    }

    /// A manifest of the repository is there with all that it names, but for what may be kept elsewhere.
    private func find(
        _ positions: BlobPositions, of manifest: Digest, _ repository: String, _ context: ServerContext, isAlone: Bool
    ) throws -> [StagedBlob] {
        guard let stored = try context.store.artifact(registry: "", repository: repository, name: .digest(.sha256(manifest))) else {
            throw RegistryError("There is no manifest \(manifest) in repository \(repository)", code: .manifestUnknown)
        }
        if let named = ResourceManifest.positions(of: stored.bytes) {
            try check(positions, within: named.count)
            return positions.all.map { StagedBlob(digest: named[$0].digest, size: named[$0].size) }
        }
        func find() throws -> [StagedBlob] { try self.find(positions, of: stored, repository, context) }
        return try stored.bytes.count > Workers.largeManifest && !isAlone ? context.workers.alone(find) : find()
    }

    private func find(_ positions: BlobPositions, of stored: StoredArtifact, _ repository: String, _ context: ServerContext) throws
        -> [StagedBlob]
    {
        let named = try ArtifactManifest(parsing: stored.bytes, mediaType: stored.mediaType).positions
        try check(positions, within: named.count)
        return try positions.all.map { position in
            let blob = named[position]
            if let digest = blob.digest.sha256, !blob.isForeign { return StagedBlob(digest: digest, size: blob.size) }
            guard let found = try context.store.blob(blob.digest, in: repository, leasing: false) else {
                throw unknown(blob.digest, repository)
            }
            return found
        }
    }

    /// Says which blob has been lost, as long as that can be said: in the middle of a stream it ends the connection, and the client asks for the
    /// rest, of which it is the first.
    private func checkPresent(_ blob: StagedBlob, _ context: ServerContext) throws {
        do { _ = try context.store.content(of: blob) } catch let error as RegistryError where error.code == .blobUnknown {
            throw ContentError(
                "the registry has lost the content of blob \(blob.digest)", code: .contentDamaged,
                hint: "push it again from where it still is")
        }
    }

    private func check(_ positions: BlobPositions, within count: Int) throws {
        guard let last = positions.last, last >= count else { return }
        throw RegistryError("the manifest has the positions 0 to \(count - 1), and \(last) was asked for", code: .invalidRequest)
    }

    private func unknown(_ digest: ContentDigest, _ repository: String) -> RegistryError {
        RegistryError("There is no blob \(digest) in repository \(repository)", code: .blobUnknown)
    }
}

/// Blobs, read and verified one after the other while they are sent.
final class BlobsBody: BodyProducer {
    private let blobs: [StagedBlob]
    private let coding: ContentCoding
    private let context: ServerContext

    init(_ blobs: [StagedBlob], _ coding: ContentCoding, _ context: ServerContext) {
        self.blobs = blobs
        self.coding = coding
        self.context = context
    }

    func produce(into sink: any ByteSink) throws {
        switch coding {
        case .identity: try write(to: sink)
        case .gzip:
            let gzip = GzipSink(sink, level: 1)
            try write(to: gzip)
            try gzip.finish()
        case .zstd:
            let compressor = AdaptiveCompressor(sink)
            try write(to: compressor)
            try compressor.finish()
        }
    }

    private func write(to sink: any ByteSink) throws {
        let writer = BatchWriter(to: sink)
        for blob in blobs { try writer.add(blob.digest, size: blob.size, content: context.store.verified(blob)) }
        try writer.finish()
    }
}
