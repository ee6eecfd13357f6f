import RxChunks
import RxHTTP
import RxModel
import RxProtocol

/// The registry's calls about chunks. Source: Specs/13-chunks.
struct DeltaCalls {
    let client: DistributionClient
    let repository: String

    /// The longest answer that lists runs, in bytes.
    private static let foundLimit = 4 << 20

    /// Which chunks of `ids` the registry has; of no ids, which blobs it would look in. Nil when it has no blob to look in, or not these
    /// calls.
    func found(_ ids: [UInt8], of digest: Digest, size: Int, title: String?) throws -> FoundChunks? {
        let path = Route.chunks(Route.chunksMissing, repository: repository, blob: digest, size: size, title: title)
        let (head, body) = try client.answer(
            client.request("POST", path, body: .bytes(ids, type: "application/octet-stream")), to: "tell of chunks of \(digest)",
            limit: DeltaCalls.foundLimit)
        return head.status == 200 ? try FoundChunks(parsing: body) : nil
    }

    /// Has the registry make a blob; false when it does not.
    func assemble(_ digest: Digest, size: Int, _ delta: Delta, from blob: any ByteRegion) throws -> Bool {
        let path = Route.chunks(Route.chunks, repository: repository, blob: digest, size: size)
        let body = TransportRequest.Body.stream(delta.encoded(of: blob), length: delta.encodedLength, type: Delta.mediaType)
        let (head, _) = try client.transport.collect(client.request("POST", path, body: body), limit: DistributionClient.failureLimit)
        return head.status == 201
    }

    /// The chunk index of a blob; nil when the registry does not give one, or something that is none.
    func index(of digest: Digest, size: Int) throws -> ChunkIndex? {
        let request = client.request("GET", Route.chunkIndex(digest, repository: repository))
        let most = (size / Chunker.shortest + 1) * ChunkIndex.recordBytes
        let (head, body) = try client.answer(
            request, to: "tell of the chunks of \(digest)", limit: max(most, DistributionClient.failureLimit))
        return head.status == 200 ? ChunkIndex(records: body, size: size) : nil
    }

    /// Writes some bytes of a blob to `sink`. Throws `ContentError` when exactly these do not come.
    func fetch(_ range: Range<Int>, of digest: Digest, size: Int, into sink: any ByteSink) throws {
        var request = client.request("GET", DistributionPath.blob(repository, .sha256(digest)))
        request.redirects = .content
        request.headers["Range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        let counted = CountedSink(sink, limit: range.count)
        let problem = FailureSink()
        let expected = ByteRange.part(range).contentRange(length: size)
        var isPart = false
        try client.transport.perform(request) { head in
            isPart = head.status == 206 && head.headers["Content-Range"] == expected
            return isPart ? counted : problem
        }
        guard isPart, counted.count == range.count else {
            throw ContentError("\(client.registry) did not send the bytes \(range) of \(digest)", code: .digestInvalid)
        }
    }
}

/// Passes on at most so many bytes.
private final class CountedSink: ByteSink {
    private let sink: any ByteSink
    private let limit: Int
    private(set) var count = 0

    init(_ sink: any ByteSink, limit: Int) {
        self.sink = sink
        self.limit = limit
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count <= limit - count else { throw ContentError("more bytes came than were asked for", code: .contentTooLarge) }
        count += bytes.count
        try sink.write(bytes)
    }
}
