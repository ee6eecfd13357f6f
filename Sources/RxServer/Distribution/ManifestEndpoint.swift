import RxCrypto
import RxHTTP
import RxModel
import RxStore

/// `GET`, `HEAD`, `PUT` and `DELETE /v2/NAME/manifests/TAG-OR-DIGEST`.
struct ManifestEndpoint: Endpoint {
    let methods = ["GET", "HEAD", "PUT", "DELETE"]
    let repository: String
    let reference: String

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        switch call.request.method {
        case "PUT": return try put(call, context)
        case "DELETE": return try remove(call, context)
        default: return try read(call, context)
        }
    }

    private func read(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let name = try DistributionName.reference(reference)
        return context.work(call) {
            let version = try context.store.version()
            guard let stored = try stored(name, call, context) else { throw unknown }
            let digest = if case .digest(let asked) = name { asked } else { stored.name }
            let headers: HTTPHeaders = [
                "Content-Type": stored.mediaType, "Docker-Content-Digest": digest.description, "ETag": "\"\(digest)\"",
            ]
            let whole = HTTPResponse(200, headers: headers, body: .bytes(stored.bytes))
            let answer = CachedAnswer(whole, tag: EntityTag(digest.description))
            context.responses.keep(answer, for: call.request.path, version: version)
            return answer.response(to: call.request) ?? whole
        }
    }

    /// The manifest; nil when it is not there. Bytes that a disk has changed are never sent: clients take what is not there for what they
    /// have to put, and that puts it right.
    private func stored(_ name: ArtifactReference, _ call: Call, _ context: ServerContext) throws -> StoredArtifact? {
        do {
            return try name.artifact.flatMap { try context.store.artifact(registry: "", repository: repository, name: $0) }
        } catch let error as ContentError where error.code == .contentDamaged {
            context.log.problem(error.message, id: call.id)
            return nil
        }
    }

    private func put(_ call: Call, _ context: ServerContext) throws -> Reaction {
        try DistributionName.checkWritable(repository)
        let isDigest = reference.utf8.contains(UInt8(ascii: ":"))
        let digest = isDigest ? try DistributionName.writableDigest(reference) : nil
        let tags = isDigest ? try call.queries("tag") : [reference]
        for tag in tags where !LocatorGrammar.isTag(tag) {
            throw RegistryError(
                "\"\(tag)\" is no tag", code: .manifestInvalid,
                hint: "use letters, digits, '_', '.' and '-', the first a letter, digit or '_'")
        }
        let mediaType = call.request.headers["Content-Type"].map { String($0.prefix { $0 != ";" }).trimmed }
        return .receive(
            BodyCollector(limit: context.configuration.maxManifestBytes, spoolDirectory: context.spoolDirectory, call, context) {
                received in
                func store() throws -> HTTPResponse { try put(received.body(), mediaType, digest, tags, context) }
                return received.count > Workers.largeManifest ? try context.workers.alone(store) : try store()
            })
    }

    private func put(_ body: [UInt8], _ mediaType: String?, _ digest: ContentDigest?, _ tags: [String], _ context: ServerContext) throws
        -> HTTPResponse
    {
        let artifact = try Artifact(parsing: body, mediaType: mediaType, repository: repository)
        if let digest, !digest.names(body) {
            throw ContentError("the manifest does not have the digest \(digest)", code: .digestInvalid)
        }
        try context.store.put(artifact, in: repository, tags: tags, name: digest, sparse: context.configuration.sparseIndexes)
        let name = digest ?? .sha256(artifact.digest)
        var headers: HTTPHeaders = [
            "Location": DistributionLink.manifest(name.description, in: repository), "Docker-Content-Digest": name.description,
        ]
        if let subject = artifact.subject { headers["OCI-Subject"] = subject.description }
        if digest != nil, !tags.isEmpty { headers["OCI-Tag"] = tags.joined(separator: ", ") }
        return HTTPResponse(201, headers: headers)
    }

    private func remove(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let name = try DistributionName.reference(reference)
        return context.work(call) {
            let sparse = context.configuration.sparseIndexes
            do {
                guard let name = name.artifact, try context.store.removeArtifact(repository: repository, name: name, sparse: sparse) else {
                    throw unknown
                }
            } catch let error as RegistryError where error.code == .unsupported {
                return call.face.failure(error, headers: ["Allow": "GET, HEAD, PUT"])
            }
            return HTTPResponse(202)
        }
    }

    private var unknown: RegistryError {
        RegistryError("There is no manifest \(reference) in repository \(repository)", code: .manifestUnknown)
    }
}

extension ArtifactReference {
    /// What the store calls it; nil for what nothing is stored under.
    var artifact: ArtifactName? {
        switch self {
        case .tag(let tag): .tag(tag)
        case .digest(let digest): .digest(digest)
        case .unknown: nil
        }
    }
}
