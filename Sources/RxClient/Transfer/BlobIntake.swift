import Glibc
import RxArchive
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Stages the blobs of streams on threads of its own, and puts them into place, while more of them come: several streams may feed it.
///
/// Small blobs are handed over many at a time; what waits is bounded. Source: Specs/12-transfer, "Client"; Specs/08-limits.
final class BlobIntake: Sendable {
    /// How many threads stage.
    static let threads = 2
    /// How many bytes wait at most before a stream does.
    static let capacity = 2 << 20
    /// How many bytes of small blobs are handed over at a time.
    static let parcelBytes = 384 << 10
    /// A longer blob is staged by the thread that reads it, and never held.
    static let heldBytes = 256 << 10

    private struct Parcel: Sendable {
        /// Which of the streams it came by.
        let lane: Int
        let bytes = ParcelBytes()
        var blobs: [(digest: Digest, range: Range<Int>)] = []
        /// How many bytes are in it.
        var count = 0
    }

    private struct State {
        var parcels: [Parcel] = []
        var waiting = 0
        var ended = false
        var failure: (any Error)?
        var staged: [Digest] = []
    }

    private let operation: any StoreOperation
    private let publishing: PublishingThread
    private let progress: any Progress
    private let meter: TransferMeter
    private let folder: EarlyFolder?
    private let state = Monitor(State())
    private let workers = Mutex<[Thread]>([])

    /// Stages into `operation`; what is staged out of memory is written to `folder` too.
    init(_ operation: any StoreOperation, _ progress: any Progress, _ meter: TransferMeter, _ folder: EarlyFolder? = nil) {
        self.folder = folder
        self.operation = operation
        self.progress = progress
        self.meter = meter
        publishing = PublishingThread(operation)
        workers.withLock { workers in
            workers = (0..<BlobIntake.threads).map { number in Thread { [self] in work(number) } }
        }
    }

    /// Reads a stream to its end and has its blobs staged; `wanted` gives their lengths. What comes by one `lane` is staged by one thread where
    /// that keeps both at work: the files of one folder come together, and who makes one there makes others wait.
    ///
    /// Throws `ContentError` for a blob that nobody asked for, or of another length, and for one that is not what its name says.
    func receive(_ source: any ByteSource, wanted: [Digest: Int], lane: Int = 0) throws {
        let limits = ArchiveLimits(maxEntries: wanted.count + 4, maxUnpackedBytes: wanted.values.reduce(0, +))
        let reader = try BatchReader(source, limits: limits)
        var parcel = Parcel(lane: lane % BlobIntake.threads)
        do {
            while let entry = try reader.next() { try take(entry, from: reader, wanted: wanted, &parcel) }
        } catch {
            // What was whole before the stream broke is good.
            try? hand(over: &parcel)
            throw error
        }
        try hand(over: &parcel)
    }

    private func take(_ entry: BatchEntry, from reader: BatchReader, wanted: [Digest: Int], _ parcel: inout Parcel) throws {
        guard wanted[entry.digest] == entry.size else {
            throw ContentError("the registry sent the blob \(entry.digest), which was not asked for", code: .digestInvalid)
        }
        guard entry.size <= BlobIntake.heldBytes else { return try stage(reader, entry.digest) }
        if parcel.count + entry.size > BlobIntake.parcelBytes { try hand(over: &parcel) }
        let range = parcel.count..<parcel.count + entry.size
        try parcel.bytes.fill(range, from: reader)
        parcel.blobs.append((entry.digest, range))
        parcel.count = range.upperBound
    }

    private func stage(_ source: any ByteSource, _ digest: Digest) throws {
        try count(try operation.stage(MeteredSource(source, progress), expecting: digest))
    }

    /// Counts a blob that others have staged.
    func note(_ digest: Digest, _ size: Int) {
        meter.sent(size)
        progress.advance(0, files: 1)
        // Nobody waits for this.
        state.updateQuietly { $0.staged.append(digest) }
    }

    /// Waits until everything that was handed over is staged; no more can be. Gives what has been staged, whatever has failed.
    func finish() -> (staged: [Digest], failure: (any Error)?) {
        state.update { $0.ended = true }
        for worker in workers.withLock({ workers in
            defer { workers = [] }
            return workers
        }) { worker.join() }
        publishing.end()
        var failure = state.update { $0.failure }
        do { try publishing.wait() } catch { failure = failure ?? error }
        return (state.update { $0.staged }, failure)
    }

    private func hand(over parcel: inout Parcel) throws {
        guard !parcel.blobs.isEmpty else { return }
        _ = state.wait { state in state.failure != nil || state.waiting < BlobIntake.capacity ? true : nil }
        let full = parcel
        parcel = Parcel(lane: full.lane)
        try state.update { state in
            if let failure = state.failure { throw failure }
            state.parcels.append(full)
            state.waiting += full.count
        }
    }

    private func work(_ lane: Int) {
        while true {
            let next = state.wait { state -> Parcel?? in
                if state.failure != nil { return .some(nil) }
                if let next = state.parcels.firstIndex(where: { $0.lane == lane }) { return state.parcels.remove(at: next) }
                guard state.parcels.isEmpty else { return state.parcels.removeFirst() }
                return state.ended ? .some(nil) : nil
            }
            guard let parcel = next ?? nil else { return }
            do { try stage(parcel) } catch {
                state.update { state in
                    if state.failure == nil { state.failure = error }
                    state.parcels = []
                }
            }
            state.update { $0.waiting -= parcel.count }
        }
    }

    private func stage(_ parcel: Parcel) throws {
        for (digest, range) in parcel.blobs {
            try count(try stage(parcel.bytes[range], digest))
            progress.advance(range.count)
        }
    }

    private func stage(_ bytes: UnsafeRawBufferPointer, _ digest: Digest) throws -> StagedBlob {
        func stage() throws -> StagedBlob {
            try operation.stage(bytes, as: digest) { file in folder?.write(digest, bytes, staged: file) }
        }
        do { return try stage() } catch  where isFullDisk(error) {
            // What is written early is only a help: the store comes first.
            guard folder?.abandon() == true else { throw error }
            return try stage()
        }
    }

    private func count(_ blob: StagedBlob) throws {
        note(blob.digest, blob.size)
        try publishing.add(blob.size)
    }
}

/// The bytes of a parcel. One thread fills them, and then hands them over to another, which reads them.
private final class ParcelBytes: @unchecked Sendable {
    private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: BlobIntake.parcelBytes, alignment: 16)

    deinit { bytes.deallocate() }

    /// Reads the whole of an entry.
    func fill(_ range: Range<Int>, from reader: BatchReader) throws {
        var rest = range
        while !rest.isEmpty {
            let count = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[rest]))
            guard count > 0 else { throw ContentError("the stream of blobs is cut short") }
            rest = rest.lowerBound + count..<rest.upperBound
        }
    }

    subscript(range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }
}
