import RxHTTP
public import RxModel
import RxPosix
import RxProtocol

extension DistributionClient {
    /// Gives the repository a blob: mounted from the repository `source` of the same registry when it has it, else sent. `open` gives
    /// the bytes from their start; it is called again when they must be sent again. A connection that is lost is made again, and a long
    /// blob goes on where the registry's part of it ends.
    ///
    /// Throws `RegistryError` when the registry refuses the blob, and what `open` and its source throw.
    public func push(_ blob: Descriptor, to repository: String, mountFrom source: String? = nil, open: () throws -> any ByteSource) throws {
        var push = BlobPush(self, blob, repository, mountFrom: source)
        do {
            while push.upload.step != .done { try push.advance(open) }
            push.note?.forget()
        } catch {
            push.cancel(after: error)
            throw error
        }
    }
}

/// One blob on its way into a repository.
private struct BlobPush {
    private let client: DistributionClient
    private let blob: Descriptor
    private let repository: String
    private let what: String
    private let reader: UploadReader
    private var mountSource: String?
    private var place: UploadPlace?
    private var patience: Patience
    private var refusals = 0
    private let begunAt = Clock.monotonic
    private var furthest = 0
    /// Where another process finds the session when this one ends before it does.
    let note: UploadNote?
    private(set) var upload: BlobUpload

    init(_ client: DistributionClient, _ blob: Descriptor, _ repository: String, mountFrom source: String?) {
        self.client = client
        self.blob = blob
        self.repository = repository
        what = "take the blob \(blob.digest) into \(repository)"
        reader = UploadReader(client.progress)
        mountSource = source
        patience = client.patience()
        upload = BlobUpload(size: blob.size, chunk: client.limits.chunk, shortest: client.limits.shortestChunk)
        note = client.uploads?.take(blob, repository, client.registry)
        if let place = note?.place {
            self.place = place
            upload.resume()
        }
    }

    /// Takes the next step. Throws when there is none that could help.
    mutating func advance(_ open: () throws -> any ByteSource) throws {
        do {
            switch upload.step {
            case .begin: try begin()
            case .sendWhole: try send(0..<blob.size, closing: true, open)
            case .send(let range): try send(range, closing: false, open)
            case .close: try send(upload.offset..<upload.offset, closing: true, open)
            case .look: upload.looked(try client.holds(blob, in: repository))
            case .status: try learn()
            case .done: break
            }
        } catch {
            guard let pause = patience.pause(after: error) else { throw error }
            Patience.wait(pause)
            upload.lost()
        }
        if upload.offset > furthest {
            furthest = upload.offset
            refusals = 0
            patience.progressed()
        }
    }

    /// Begins a session, or mounts the blob: 201 has mounted it, 202 is a session.
    private mutating func begin() throws {
        let path =
            mountSource.map { DistributionPath.mount(repository, blob.digest, from: $0) }
            ?? DistributionPath.uploads(repository, blob.digest)
        let isMount = mountSource != nil
        let (head, body): (ResponseHead, [UInt8])
        do {
            (head, body) = try client.transport.collect(client.request("POST", path), limit: DistributionClient.failureLimit)
        } catch let error as RegistryError where isMount && error.code == .unauthorized && !(error.cause is AuthenticationRenewed) {
            mountSource = nil
            return
        }
        switch head.status {
        case 201:
            guard isMount else { throw client.broken(what, "it began no upload") }
            upload.looked(true)
            client.progress.advance(blob.size)
        case 202:
            guard let place = UploadPlace(head.headers["Location"], answeredBy: head.url) else {
                throw client.broken(what, "it began an upload without a Location that can be used")
            }
            self.place = place
            note?.keep(place)
            upload.began(minimum: head.headers["OCI-Chunk-Min-Length"].flatMap { Int($0) })
        default:
            if try wait(after: head) { return }
            // The source may be nobody's, or hidden from this user: the blob is sent.
            guard isMount, head.status != 401 else { throw client.refusal(head, body, to: what) }
        }
        mountSource = nil
    }

    /// Sends some of the blob to the session: a chunk by PATCH, the end by PUT.
    private mutating func send(_ range: Range<Int>, closing: Bool, _ open: () throws -> any ByteSource) throws {
        guard let place else { return }
        var headers = HTTPHeaders()
        if !closing { headers["Content-Range"] = "\(range.lowerBound)-\(range.upperBound - 1)" }
        var body = TransportRequest.Body.none
        if !range.isEmpty {
            try reader.seek(range.lowerBound, open)
            body = .stream(UploadPart(reader, count: range.count), length: range.count, type: "application/octet-stream")
        } else if closing, blob.size == 0 {
            body = .bytes([], type: "application/octet-stream")
        }
        let url = closing ? place.closing(blob.digest) : place.url.text
        let (head, answer) = try client.transport.collect(
            asked(closing ? "PUT" : "PATCH", url, headers, body), limit: DistributionClient.failureLimit)
        switch head.status {
        case 200...204:
            if let next = UploadPlace(head.headers["Location"], answeredBy: head.url), !closing { move(to: next) }
            let held = closing ? nil : head.headers["Range"].flatMap { UploadPlace.held($0) }
            guard upload.accepted(held: held) else { throw client.broken(what, "it says that it has more bytes than it was sent") }
            guard closing || upload.offset > range.lowerBound || isWorthAnother() else {
                throw client.broken(what, "it takes bytes and says that it has none of them")
            }
        default:
            if try wait(after: head) { return upload.lost() }
            let refusal = BlobUpload.Refusal(status: head.status, code: DistributionFailure(parsing: answer).code)
            if refusal == .range, waitForOther() {
                _ = upload.refused(refusal)
                return
            }
            guard upload.refused(refusal), refusal == .length || isWorthAnother() else {
                throw client.refusal(head, answer, to: what)
            }
        }
    }

    /// Asks how much the session has.
    private mutating func learn() throws {
        guard let place else { return }
        let (head, _) = try client.transport.collect(asked("GET", place.url.text), limit: DistributionClient.failureLimit)
        guard head.status == 204 || head.status == 200 else {
            if try wait(after: head) { return }
            return upload.learned(held: nil)
        }
        if let next = UploadPlace(head.headers["Location"], answeredBy: head.url) { move(to: next) }
        upload.learned(held: UploadPlace.held(head.headers["Range"]))
    }

    private mutating func move(to place: UploadPlace) {
        self.place = place
        note?.keep(place)
    }

    /// Waits a moment when the registry may still be at the request of the process that was killed; false when it cannot be that any more.
    private func waitForOther() -> Bool {
        guard note?.place != nil, Clock.monotonic - begunAt < UploadNotes.otherSeconds * 1_000_000_000 else { return false }
        Patience.wait(client.limits.retry.pause)
        return true
    }

    /// Counts an answer that brought nothing further; false when it was one too many.
    private mutating func isWorthAnother() -> Bool {
        refusals += 1
        return refusals < client.limits.refusals
    }

    /// Tells the registry that the session has ended, when there is anybody to be told; what it answers changes nothing. What failed by
    /// the moment alone, the network's or a full disk's, leaves the session for the next try.
    func cancel(after error: any Error) {
        guard let place else { return }
        let code = (error as? RegistryError)?.code
        let isPassing = code.map { $0 != .invalidAnswer && ($0.status >= 500 || $0.status == 429) } ?? false
        guard code != .unreachable, note == nil || !isPassing else { return }
        note?.forget()
        _ = try? client.transport.collect(asked("DELETE", place.url.text), limit: DistributionClient.failureLimit)
    }

    /// Waits when the answer asks for that; false when it does not.
    private mutating func wait(after head: ResponseHead) throws -> Bool {
        guard let pause = patience.pause(after: head) else { return false }
        Patience.wait(pause)
        return true
    }

    /// A request to the session's place; one on another host than the registry's sees no credentials.
    private func asked(_ method: String, _ url: String, _ headers: HTTPHeaders = HTTPHeaders(), _ body: TransportRequest.Body = .none)
        -> TransportRequest
    {
        var request = TransportRequest(method, url, headers: headers, body: body)
        // What is next depends on how this one ended.
        request.repeats = false
        let own = try? WebURL(client.registry.description)
        request.identifies = place?.url.origin == own?.origin
        if request.identifies { request.endpoint = client.registry.description }
        return request
    }
}
