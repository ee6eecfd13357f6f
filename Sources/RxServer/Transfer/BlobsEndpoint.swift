import RxArchive
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore

/// `POST /api/v1/blobs`: takes many blobs in one stream, and with a locator commits the manifest that names them.
struct BlobsEndpoint: Endpoint {
    let methods = ["POST"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        let target = try TransferTarget(call)
        return .stream(try context.workers.transfers.reserve()) { body in
            do {
                if let done = try Commit(target, context)?.done() { return done }
                let received = try receive(body, target, context)
                return try Commit(target, context)?.commit(received) ?? .json(200, received.answer.json)
            } catch { return context.failure(error, call) }
        }
    }

    /// How long (nanoseconds) what comes slowly waits until it is put: a killed server loses no more.
    private static let portionTime = 5_000_000_000
    /// How many blobs are received before all of them are in their place: each that waits for that is a path in memory.
    private static let mostWaiting = 8192

    /// Stores every blob of the stream. What was complete when it breaks is kept.
    private func receive(_ body: any ByteSource, _ target: TransferTarget, _ context: ServerContext) throws -> ReceivedBlobs {
        let limits = ArchiveLimits(maxEntries: context.configuration.maxEntries, maxUnpackedBytes: context.configuration.maxUnpackedBytes)
        let batch = try context.store.begin(in: target.repository)
        defer { batch.cancel() }
        var received = ReceivedBlobs(for: target)
        // An empty body is a stream without blobs: what is to be committed is there.
        let source = PeekedSource(body)
        guard try !source.isEmpty() else { return received }
        let publishing = PublishingThread(batch)
        do {
            defer { publishing.end() }
            let stream = try BatchReader(source, limits: limits)
            var waiting = 0
            var begunAt = Clock.monotonic
            while let entry = try stream.next() {
                let blob = try batch.stage(stream, expecting: entry.digest)
                received.add(blob)
                try publishing.add(blob.size)
                waiting += 1
                if waiting >= BlobsEndpoint.mostWaiting {
                    try publishing.catchUp()
                    (waiting, begunAt) = (0, Clock.monotonic)
                } else if Clock.monotonic - begunAt >= BlobsEndpoint.portionTime {
                    try publishing.begin()
                    begunAt = Clock.monotonic
                }
            }
        } catch {
            // The first failure is the one to tell.
            try? publishing.wait()
            try? batch.publish()
            throw error
        }
        try publishing.wait()
        try batch.publish()
        return received
    }
}

/// What a stream brought.
struct ReceivedBlobs {
    /// The lengths of the blobs that are stored now, for a commit; empty without one.
    private(set) var sizes: [Digest: Int] = [:]
    private let isForCommit: Bool
    private var count = 0
    private var bytes = 0

    /// Whether this blob is all that came.
    func isOnly(_ digest: Digest) -> Bool { count == 1 && sizes[digest] != nil }

    /// What is answered of them.
    var answer: StoredAnswer { StoredAnswer(stored: count, bytes: bytes) }

    init(for target: TransferTarget) { isForCommit = if case .commit = target { true } else { false } }

    mutating func add(_ blob: StagedBlob) {
        if isForCommit { sizes[blob.digest] = blob.size }
        count += 1
        bytes += blob.size
    }
}

/// A source whose first byte may be waited for.
private final class PeekedSource: ByteSource {
    private let source: any ByteSource
    private var first: [UInt8] = []

    init(_ source: any ByteSource) { self.source = source }

    func isEmpty() throws -> Bool {
        var byte: UInt8 = 0
        guard try withUnsafeMutableBytes(of: &byte, { try source.read(into: $0) }) > 0 else { return true }
        first = [byte]
        return false
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let byte = first.popLast() else { return try source.read(into: buffer) }
        buffer[0] = byte
        return 1
    }
}
