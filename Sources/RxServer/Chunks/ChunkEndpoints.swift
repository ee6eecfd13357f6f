import RxChunks
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore

/// `POST /api/v1/chunks/missing`: a list of chunk ids; the answer says which of them the repository's blobs have, and where.
struct MissingChunksEndpoint: Endpoint {
    let methods = ["POST"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let asked = try ChunkQuestion(call)
        let title = try call.query("title")
        return .receive(
            BodyCollector(
                limit: ChunkIndex.countLimit * ChunkIndex.idBytes, spoolDirectory: context.spoolDirectory, call, context
            ) { body in
                guard let ids = ChunkIndex.ids(parsing: try body.body()) else {
                    throw RegistryError("the body is no list of ids of \(ChunkIndex.idBytes) bytes", code: .invalidRequest)
                }
                return try answer(ids, asked, title, context)
            })
    }

    private func answer(_ ids: [UInt64], _ asked: ChunkQuestion, _ title: String?, _ context: ServerContext) throws -> HTTPResponse {
        let service = context.chunks
        let bases = try service.bases(for: asked.digest, size: asked.size, title: title, in: asked.repository)
        guard !bases.isEmpty else {
            throw RegistryError(
                "repository \(asked.repository) has nothing that \(asked.digest) could be made from", code: .notFound,
                hint: "send the blob whole")
        }
        guard !ids.isEmpty else {
            // Who asks without a list is about to make one: the likeliest base is indexed meanwhile.
            service.prepare(bases[0])
            return .json(200, FoundChunks(bases: bases.map(\.digest), runs: []).json)
        }
        let found = try service.taking { try service.find(ids, in: bases, of: asked.repository) }
        return .json(200, FoundChunks(bases: found.bases, runs: found.runs).json)
    }
}

/// `POST /api/v1/chunks`: a delta; the blob that it makes becomes one of the repository, as an upload would.
struct AssemblyEndpoint: Endpoint {
    let methods = ["POST"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let asked = try ChunkQuestion(call)
        return .receive(
            BodyCollector(limit: context.configuration.maxBodyBytes, spoolDirectory: context.spoolDirectory, call, context) { body in
                let source = try body.source()
                try context.chunks.taking(waiting: ChunkService.patience) { try assemble(asked, from: source, context) }
                return HTTPResponse(
                    201,
                    headers: [
                        "Location": DistributionLink.blob(.sha256(asked.digest), in: asked.repository),
                        "Docker-Content-Digest": asked.digest.description,
                    ])
            })
    }

    private func assemble(_ asked: ChunkQuestion, from body: any ByteSource, _ context: ServerContext) throws {
        let session = try context.store.beginUpload(in: asked.repository)
        let reader = DeltaReader(body, size: asked.size) { try context.chunks.base($0, in: asked.repository) }
        do {
            try copyBytes(from: CancellableSource(reader, context.workers), to: SessionSink(session))
            let blob = try session.finish(as: .sha256(asked.digest))
            context.chunks.note(blob, madeBy: reader)
        } catch let error as ContentError where error.code == .digestInvalid {
            // Nobody who means well comes here but by an index or a base that is wrong.
            context.chunks.forget(reader.bases)
            for base in reader.bases {
                guard let size = try? context.store.size(of: base) else { continue }
                _ = try? context.store.trusted(StagedBlob(digest: base, size: size), upTo: .max)
            }
            throw error
        }
    }
}

/// Appends to an upload.
private final class SessionSink: ByteSink {
    private let session: any UploadSession

    init(_ session: any UploadSession) { self.session = session }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try session.append(bytes) }
}

/// `GET /api/v1/chunks/sha256:HEX`: the chunk index of a blob that the repository shows.
struct ChunkIndexEndpoint: Endpoint {
    let methods = ["GET"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let repository = try ChunkQuestion.repository(call)
        guard let digest = Digest(hex: call.rest) else {
            throw RegistryError(
                "\"sha256:\(call.rest)\" is no digest", code: .digestInvalid, hint: "write it like sha256: and 64 hexadecimal digits")
        }
        return .work { respond in
            let taken = context.workers.long.submit {
                do { respond(try answer(digest, repository, context)) } catch { respond(context.failure(error, call)) }
            }
            if !taken { respond(context.failure(Workers.stopping, call)) }
        }
    }

    private func answer(_ digest: Digest, _ repository: String, _ context: ServerContext) throws -> HTTPResponse {
        guard let blob = try context.store.blob(.sha256(digest), in: repository, leasing: false) else {
            throw RegistryError("There is no blob \(digest) in repository \(repository)", code: .blobUnknown)
        }
        guard (ChunkIndex.smallestBlob...ChunkIndex.largestBlob).contains(blob.size) else {
            throw RegistryError("blob \(digest) is not moved in chunks", code: .notFound, hint: "fetch the blob whole")
        }
        let index = try context.chunks.taking { try context.chunks.index(of: blob) }
        return HTTPResponse(
            200, headers: ["Content-Type": "application/octet-stream", "ETag": EntityTag(digest.description).description],
            body: .bytes(index.records))
    }
}

/// The blob that a call is about.
struct ChunkQuestion: Sendable {
    let repository: String
    let digest: Digest
    let size: Int

    /// Throws `RegistryError` for a query that is not complete or whose size is one that is moved whole.
    init(_ call: Call) throws(RegistryError) {
        repository = try ChunkQuestion.repository(call)
        let text = try call.query("digest") ?? ""
        guard let digest = Digest(text) else {
            throw RegistryError(
                "\"\(text)\" is no digest", code: .digestInvalid, hint: "write it like sha256: and 64 hexadecimal digits")
        }
        self.digest = digest
        size = try call.number("size", default: 0, in: ChunkIndex.smallestBlob...ChunkIndex.largestBlob)
        guard size > 0 else { throw RegistryError("the query needs size", code: .invalidQuery) }
    }

    static func repository(_ call: Call) throws(RegistryError) -> String {
        guard let name = try call.query("repository"), !name.isEmpty else {
            throw RegistryError("the query needs repository", code: .invalidQuery)
        }
        return name
    }
}
