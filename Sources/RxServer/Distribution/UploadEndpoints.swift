import RxHTTP
import RxModel
import RxStore

/// `POST /v2/NAME/blobs/uploads/`: begins an upload, takes a blob whole, or shows one that another repository has.
struct UploadsEndpoint: Endpoint {
    let methods = ["POST"]
    let repository: String

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        try DistributionName.checkWritable(repository)
        let mount = try call.query("mount").map(DistributionName.writableDigest)
        let source = try call.query("from")
        let whole = try call.query("digest").map(DistributionName.writableDigest)
        if let algorithm = try call.query("digest-algorithm"), algorithm != "sha256", algorithm != "sha512" {
            throw RegistryError("the algorithm \"\(algorithm)\" is not known", code: .digestInvalid, hint: "use sha256 or sha512")
        }
        if let whole, mount == nil {
            let session = try context.store.beginUpload(in: repository)
            return .receive(UploadBody(session, call, context) { try UploadAnswer(repository).finish($0, as: whole) })
        }
        return context.work(call) {
            if let mount, try context.store.mount(mount, from: source, into: repository) { return UploadAnswer(repository).stored(mount) }
            let session = try context.store.beginUpload(in: repository)
            try session.keep()
            return UploadAnswer(repository).progress(202, name: session.name, received: session.offset)
        }
    }
}

/// `GET`, `PATCH`, `PUT` and `DELETE /v2/NAME/blobs/uploads/SESSION`.
struct UploadEndpoint: Endpoint {
    let methods = ["GET", "HEAD", "PATCH", "PUT", "DELETE"]
    let repository: String
    let name: String

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let answer = UploadAnswer(repository)
        switch call.request.method {
        case "GET", "HEAD":
            return context.work(call) {
                guard let received = try context.store.received(name, in: repository) else { throw unknown }
                return answer.progress(204, name: name, received: received)
            }
        case "DELETE":
            return context.work(call) {
                guard let received = try context.store.received(name, in: repository) else { throw unknown }
                guard let session = try taken(context) else { return outOfOrder(call, answer, received) }
                try session.cancel()
                return HTTPResponse(204)
            }
        default: return try receive(call, context, answer)
        }
    }

    /// Takes the next bytes, and with PUT ends the upload. What is wrong with the head leaves the session as it is.
    private func receive(_ call: Call, _ context: ServerContext, _ answer: UploadAnswer) throws -> Reaction {
        let isLast = call.request.method == "PUT"
        // A part that may not follow is looked at first: it does not take the session from the one that does.
        let open = call.request.headers["Content-Range"] == nil ? try taken(context) : nil
        // Asked for first, so that a session that is not there is told before a digest that is.
        guard let received = try open?.offset ?? context.store.received(name, in: repository) else { throw unknown }
        let digest = isLast ? try closingDigest(call) : nil
        guard try call.followsOn(received), let session = try open ?? taken(context), session.offset == received else {
            return .answer(outOfOrder(call, answer, received))
        }
        return .receive(
            UploadBody(session, call, context) { session in
                if let digest { return try answer.finish(session, as: digest) }
                try session.keep()
                return answer.progress(202, name: session.name, received: session.offset)
            })
    }

    private func outOfOrder(_ call: Call, _ answer: UploadAnswer, _ received: Int) -> HTTPResponse {
        let error = RegistryError(
            "the upload holds \(received) bytes, and another request sends to it or this part does not follow on them",
            code: .uploadInvalid)
        return call.face.failure(error, headers: answer.progress(416, name: name, received: received).headers)
    }

    /// The session, unless another request has it.
    private func taken(_ context: ServerContext) throws -> (any UploadSession)? {
        do { return try context.store.upload(name, in: repository) } catch let error as RegistryError where error.code == .uploadInvalid {
            return nil
        }
    }

    private func closingDigest(_ call: Call) throws -> ContentDigest {
        guard let text = try call.query("digest") else {
            throw RegistryError(
                "the request that ends an upload needs the blob's digest", code: .digestInvalid, hint: "add ?digest=sha256:...")
        }
        return try DistributionName.writableDigest(text)
    }

    private var unknown: RegistryError {
        RegistryError("There is no upload \(name) for repository \(repository)", code: .uploadUnknown, hint: "begin a new one")
    }
}

/// Receives a part of a blob into its session. The server calls it on one thread at a time.
final class UploadBody: UploadReceiver, @unchecked Sendable {
    /// Released before the answer goes out: the client's next request wants it.
    private var session: (any UploadSession)?
    private let call: Call
    private let context: ServerContext
    private let complete: (any UploadSession) throws -> HTTPResponse

    init(
        _ session: any UploadSession, _ call: Call, _ context: ServerContext,
        complete: @escaping (any UploadSession) throws -> HTTPResponse
    ) {
        self.session = session
        self.call = call
        self.context = context
        self.complete = complete
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> HTTPResponse? {
        do {
            try session?.append(bytes)
            return nil
        } catch { return context.failure(error, call) }
    }

    func finish() -> HTTPResponse {
        guard let session = session.take() else { return context.failure(Workers.stopping, call) }
        do { return try complete(session) } catch { return context.failure(error, call) }
    }
}

/// What is answered about uploads to a repository.
struct UploadAnswer {
    private let repository: String

    init(_ repository: String) { self.repository = repository }

    /// How far an upload came. Source: OCI distribution spec v1.1, "Pushing a blob in chunks".
    func progress(_ status: Int, name: String, received: Int) -> HTTPResponse {
        HTTPResponse(
            status,
            headers: [
                "Location": DistributionLink.upload(name, in: repository), "Range": "0-\(max(0, received - 1))", "Docker-Upload-UUID": name,
            ])
    }

    /// The blob is there.
    func stored(_ digest: ContentDigest) -> HTTPResponse {
        HTTPResponse(
            201, headers: ["Location": DistributionLink.blob(digest, in: repository), "Docker-Content-Digest": digest.description])
    }

    /// Ends an upload.
    func finish(_ session: any UploadSession, as digest: ContentDigest) throws -> HTTPResponse {
        _ = try session.finish(as: digest)
        return stored(digest)
    }
}

extension Call {
    /// Whether the body continues an upload that holds `received` bytes: there is no `Content-Range`, or it is `a-b` from there on.
    /// Throws `RegistryError` (`sizeInvalid`) when it is not as long as the body.
    fileprivate func followsOn(_ received: Int) throws(RegistryError) -> Bool {
        guard let text = request.headers["Content-Range"] else { return true }
        let halves = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let numbers = halves.map { half in
            half.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int(String(Substring(half))) : nil
        }
        guard numbers.count == 2, let first = numbers[0], let last = numbers[1], first == received, last >= first else { return false }
        guard let length = request.headers["Content-Length"].flatMap({ Int($0) }) else { return true }
        // Not `last - first + 1`, which a client can make overflow.
        guard length - 1 == last - first else {
            throw RegistryError("Content-Range is \(text), and the body has \(length) bytes", code: .sizeInvalid)
        }
        return true
    }
}
