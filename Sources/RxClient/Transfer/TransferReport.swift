import Synchronization

/// What a push, pull or copy moved, and what it did not have to.
public struct TransferReport: Sendable, Equatable {
    /// How many files, or blobs, what was asked for has.
    public var blobs = 0
    /// Their bytes.
    public var bytes = 0
    /// How many of them did not travel: they were there already, or are the same as another.
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
    private struct State {
        var report = TransferReport()
        var sentBytes = 0
    }

    private let wire: MeteringTransport
    private let before: MeteringTransport.Count
    private let state = Mutex(State())

    /// Counts from here on. What other transfers of the same client move meanwhile counts as well.
    init(_ wire: MeteringTransport) {
        self.wire = wire
        before = wire.count
    }

    /// What was counted so far: what there is to move and did not travel was reused.
    var report: TransferReport {
        let now = wire.count
        return state.withLock { state in
            var report = state.report
            report.reusedBlobs = max(0, report.blobs - report.sentBlobs)
            report.reusedBytes = max(0, report.bytes - state.sentBytes)
            report.requests = now.requests - before.requests
            report.wireBytes = now.bytes - before.bytes
            return report
        }
    }

    /// Whether the registry is so near that to compress what it sends takes longer than to send it.
    var isNear: Bool { wire.isFast }

    /// Says what there is to move.
    func total(blobs: Int, bytes: Int) {
        state.withLock { ($0.report.blobs, $0.report.bytes) = (blobs, bytes) }
    }

    /// Counts a blob that travelled.
    func sent(_ bytes: Int) {
        state.withLock { state in
            state.report.sentBlobs += 1
            state.sentBytes += bytes
        }
    }
}
