import Synchronization

/// What a push, pull or copy moved, and what it did not have to.
public struct TransferReport: Sendable, Equatable {
    /// How many blobs what was asked for has, each counted once.
    public var blobs = 0
    /// Their bytes.
    public var bytes = 0
    /// How many of them were there already, or were made of what was there.
    public var reusedBlobs = 0
    /// Their bytes.
    public var reusedBytes = 0
    /// How many blobs travelled.
    public var sentBlobs = 0
    /// The bytes of bodies that travelled, in both directions, as they were encoded.
    public var wireBytes = 0
    /// How many requests were sent.
    public var requests = 0

    /// Nothing yet.
    public init() {}
}

/// Counts what one transfer does; used from several threads.
final class TransferMeter: Sendable {
    private let state = Mutex(TransferReport())

    /// What was counted so far.
    var report: TransferReport { state.withLock { $0 } }

    /// Says what is there to move: so many blobs with so many bytes, of which some are where they belong.
    func total(blobs: Int, bytes: Int, reusedBlobs: Int, reusedBytes: Int) {
        state.withLock { report in
            (report.blobs, report.bytes) = (blobs, bytes)
            (report.reusedBlobs, report.reusedBytes) = (reusedBlobs, reusedBytes)
        }
    }

    /// Counts blobs that travelled.
    func sent(blobs: Int) { state.withLock { $0.sentBlobs += blobs } }

    /// Counts a request.
    func asked() { state.withLock { $0.requests += 1 } }

    /// Counts bytes of a body.
    func moved(_ bytes: Int) { state.withLock { $0.wireBytes += bytes } }
}
