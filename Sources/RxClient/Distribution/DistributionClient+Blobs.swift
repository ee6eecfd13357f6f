import RxHTTP
public import RxModel
import RxProtocol

extension DistributionClient {
    /// Whether the repository has a blob.
    public func holds(_ blob: Descriptor, in repository: String) throws -> Bool {
        let what = "tell of the blob \(blob.digest) of \(repository)"
        var asked = request("HEAD", DistributionPath.blob(repository, blob.digest))
        asked.redirects = .content
        let head = try answer(asked, to: what).head
        switch head.status {
        case 200...299: return true
        case 404: return false
        default: throw refusal(head, [], to: what)
        }
    }

    /// Writes a blob's bytes, all of them, to `sink`; goes on where it stopped when the connection is lost. Where the registry redirects
    /// to the host that has the bytes, that host sees no credentials. The caller verifies the digest.
    ///
    /// Throws `RegistryError` "Blob not found" when there is none, `ContentError` when its length is another one.
    public func fetch(_ blob: Descriptor, from repository: String, into sink: any ByteSink) throws {
        try fetch(blob, from: repository, offset: 0, into: sink)
    }

    /// The same, for whoever has the first `offset` bytes already.
    func fetch(_ blob: Descriptor, from repository: String, offset: Int, into sink: any ByteSink) throws {
        guard offset < blob.size || blob.size == 0 else { return }
        let what = "send the blob \(blob.digest) of \(repository)"
        let sink = DownloadSink(sink, size: blob.size, offset: offset, progress)
        var patience = patience()
        var before = offset
        while true {
            do {
                if let head = try part(blob, repository, sink, what), let pause = patience.pause(after: head) {
                    Patience.wait(pause)
                    continue
                }
                break
            } catch {
                if sink.download.received > before { patience.progressed() }
                before = sink.download.received
                guard let pause = patience.pause(after: error) else { throw error }
                Patience.wait(pause)
            }
        }
        guard sink.download.received == blob.size else {
            throw ContentError(
                "\(registry) sent \(sink.download.received) of the \(blob.size) bytes of \(blob.digest)", code: .digestInvalid)
        }
    }

    /// Asks for what is missing. Gives the head of an answer that asks for patience; nil when the answer was taken whole.
    private func part(_ blob: Descriptor, _ repository: String, _ sink: DownloadSink, _ what: String) throws -> ResponseHead? {
        var asked = request("GET", DistributionPath.blob(repository, blob.digest))
        asked.redirects = .content
        // What came before counts: it is gone on with here.
        asked.repeats = false
        asked.headers["Range"] = sink.download.range
        let problem = FailureSink()
        var action = BlobDownload.Action.refused
        let head = try transport.perform(asked) { head in
            action = sink.download.action(status: head.status, contentRange: head.headers["Content-Range"])
            guard case .take(let skipping) = action else { return problem }
            sink.skip(skipping)
            return sink
        }
        switch action {
        case .take, .complete: return nil
        case .missing:
            throw RegistryError("Blob not found: \(blob.digest) in \(registry.authority)/\(repository)", code: .blobUnknown)
        case .wrong(let reason): throw broken(what, "it sent \(reason)")
        case .refused:
            if RetryPolicy.passingStatuses.contains(head.status) { return head }
            throw refusal(head, problem.bytes, to: what)
        }
    }
}

/// Passes on the bytes of a blob that have not come before.
final class DownloadSink: ByteSink {
    private(set) var download: BlobDownload
    private let sink: any ByteSink
    private let progress: any Progress
    private var skipping = 0

    init(_ sink: any ByteSink, size: Int, offset: Int = 0, _ progress: any Progress) {
        download = BlobDownload(size: size, received: offset)
        self.sink = sink
        self.progress = progress
    }

    /// Leaves out the next bytes.
    func skip(_ count: Int) { skipping = count }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        let skipped = min(skipping, bytes.count)
        skipping -= skipped
        guard bytes.count > skipped else { return }
        try download.pass(bytes.count - skipped)
        try sink.write(UnsafeRawBufferPointer(rebasing: bytes[skipped...]))
        progress.advance(bytes.count - skipped)
    }
}

/// Keeps the front of a body that describes an error, and lets go of the rest.
final class FailureSink: ByteSink {
    private(set) var bytes: [UInt8] = []

    func write(_ more: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: more.prefix(max(0, DistributionClient.failureLimit - bytes.count)))
    }
}
