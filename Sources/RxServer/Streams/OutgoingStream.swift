import CMicroHTTPD
import Glibc
import RxHTTP
import RxModel
import RxPosix

/// An answer's body on its way from the thread that makes it. Who makes it waits while the client is behind; the connection stops while
/// there is nothing to send.
final class OutgoingStream: ByteSink, CancellableStream, @unchecked Sendable {
    private enum End { case whole, failed }

    private struct State: ~Copyable {
        var ring = ByteRing(capacity: OutgoingStream.capacity)
        var end: End?
        var isSuspended = false
        /// Whether nobody takes anything any more.
        var isAbandoned = false
        var sent = 0
    }

    /// How many bytes wait at most.
    static let capacity = 256 << 10
    /// The connection goes on when this much is there, or all.
    private static let resumeCount = capacity / 4

    /// Seconds that a full buffer may need to be taken: the rate of `Pace`.
    private let patience: Double
    private let connection: ConnectionSwitch
    private let state = Monitor(State())

    /// What is taken is judged as `Pace` does every `seconds`.
    init(_ connection: ConnectionSwitch, paceSeconds seconds: Int) {
        self.connection = connection
        patience = Double(seconds * (OutgoingStream.capacity / Pace.leastBytes))
    }

    /// Starts `producer` on a thread of its own; `failed` is told what it throws.
    func start(_ slot: TransferSlot, _ producer: any BodyProducer, failed: @escaping @Sendable (any Error) -> Void) {
        slot.run(self) { [self] in
            do {
                try producer.produce(into: self)
                finish(.whole)
            } catch {
                let isWanted = finish(.failed)
                if isWanted { failed(error) }
            }
        }
    }

    /// The client takes next to nothing.
    private static let tooSlow = RegistryError("the client takes the answer too slowly", code: .requestTimeout)

    /// How many bytes were handed to the connection.
    var sent: Int { state.update { $0.sent } }

    // On the stream's own thread.

    /// Hands on all of `bytes`; waits while the client is behind. Throws `RegistryError` when nobody wants them.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = state.wait(seconds: patience) { state -> Int? in
                if state.isAbandoned || state.end != nil { return 0 }
                let count = state.ring.put(rest)
                guard count > 0 else { return nil }
                if state.isSuspended, state.ring.count >= OutgoingStream.resumeCount { resume(&state) }
                return count
            }
            guard let count else { throw OutgoingStream.tooSlow }
            guard count > 0 else { throw state.updateQuietly { $0.isAbandoned } ? IncomingStream.clientLeft : Workers.stopping }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Gives whether anybody still takes the bytes.
    @discardableResult
    private func finish(_ end: End) -> Bool {
        state.update { state in
            if state.end == nil { state.end = end }
            resume(&state)
            return !state.isAbandoned
        }
    }

    private func resume(_ state: inout State) {
        guard state.isSuspended else { return }
        state.isSuspended = false
        connection.resume()
    }

    /// The server stops.
    func cancel() { finish(.failed) }

    // On the event thread.

    /// Moves the next bytes into the library's buffer.
    fileprivate func next(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        state.update { state in
            if state.end == .failed { return rx_mhd_stream_failed() }
            let count = state.ring.take(into: buffer)
            state.sent += count
            if count > 0 { return count }
            if state.end == .whole { return rx_mhd_stream_end() }
            state.isSuspended = true
            connection.suspend()
            return 0
        }
    }

    /// Nothing more is sent.
    fileprivate func abandon() {
        state.update { state in
            state.isAbandoned = true
            state.isSuspended = false
        }
    }

    /// The library's object for an answer with this body. Nil when memory has run out.
    func makeResponse(length: Int?) -> OpaquePointer? {
        let held = Unmanaged.passRetained(self)
        let made = rx_mhd_response_stream(
            Int64(length ?? -1), OutgoingStream.capacity, held.toOpaque(), readStream, releaseStream)
        if made == nil { held.release() }
        return made
    }
}

/// Called by the library for the next part of a body.
private func readStream(
    _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ room: Int
) -> Int {
    let stream = Unmanaged<OutgoingStream>.fromOpaque(context!).takeUnretainedValue()
    return stream.next(UnsafeMutableRawBufferPointer(start: buffer, count: room))
}

/// Called by the library when it needs the body no more.
private func releaseStream(_ context: UnsafeMutableRawPointer?) {
    let stream = Unmanaged<OutgoingStream>.fromOpaque(context!).takeRetainedValue()
    stream.abandon()
}
