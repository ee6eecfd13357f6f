import RxHTTP
import RxModel
import RxPosix

/// A request's body on its way to the thread that reads it. When that falls behind, the connection stops until there is room.
final class IncomingStream: ByteSource, CancellableStream, @unchecked Sendable {
    /// What became of a part that was offered.
    enum Offer {
        /// This many bytes were taken. When they are fewer than were offered, the connection was stopped and goes on once there is room.
        case taken(Int)
        /// The answer is there already; nothing more is wanted.
        case answered(HTTPResponse)
    }

    private struct State: ~Copyable {
        var ring = ByteRing(capacity: IncomingStream.capacity)
        var isComplete = false
        /// Why nothing more will come.
        var failure: RegistryError?
        var isSuspended = false
        var pace: Pace
        var answer: HTTPResponse?
        var respond: (@Sendable (HTTPResponse) -> Void)?
    }

    /// How many bytes wait at most.
    static let capacity = 256 << 10
    /// The connection goes on when this much is free.
    private static let resumeRoom = capacity / 2

    private let connection: ConnectionSwitch
    private let state: Monitor<State>

    /// What comes is judged every `seconds`: see `Pace`.
    init(_ connection: ConnectionSwitch, paceSeconds seconds: Int) {
        self.connection = connection
        state = Monitor(State(pace: Pace(seconds: seconds)))
    }

    /// The client went away.
    static let clientLeft = RegistryError("the client closed the connection", code: .invalidRequest)

    /// The client sends next to nothing.
    private static let tooSlow = RegistryError(
        "the stream came too slowly: a transfer that moves next to nothing keeps others out", code: .requestTimeout,
        hint: "send it again over a faster connection: what arrived whole is kept")

    /// Starts `process` on a thread of its own; it gives the answer, and need not read to the end.
    func start(_ slot: TransferSlot, _ process: @escaping @Sendable (any ByteSource) -> HTTPResponse) {
        slot.run(self) { [self] in answer(process(self)) }
    }

    // On the event thread.

    /// Takes what there is room for.
    func offer(_ bytes: UnsafeRawBufferPointer) -> Offer {
        state.update { state in
            if let answer = state.answer { return .answered(answer) }
            // Nobody reads on; the answer comes in a moment.
            if state.failure != nil { return .taken(bytes.count) }
            guard state.pace.moved(bytes.count) else {
                state.failure = IncomingStream.tooSlow
                return .taken(bytes.count)
            }
            let count = state.ring.put(bytes)
            if count < bytes.count {
                state.isSuspended = true
                connection.suspend()
            }
            return .taken(count)
        }
    }

    /// All came. `respond` is called with the answer, now or later, on any thread.
    func end(_ respond: @escaping @Sendable (HTTPResponse) -> Void) {
        let answer = state.update { state -> HTTPResponse? in
            state.isComplete = true
            if state.answer == nil { state.respond = respond }
            return state.answer
        }
        if let answer { respond(answer) }
    }

    /// The request is over: nobody waits for the answer, and the connection is not touched again.
    func abandon() {
        state.update { state in
            state.isSuspended = false
            if !state.isComplete, state.failure == nil { state.failure = IncomingStream.clientLeft }
        }
    }

    // On the stream's own thread.

    /// Waits for the next bytes. Throws `RegistryError` when they will not come.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !buffer.isEmpty else { return 0 }
        let result = state.wait { state -> Result<Int, RegistryError>? in
            if state.ring.count > 0 {
                let count = state.ring.take(into: buffer)
                if state.isSuspended, state.ring.room >= IncomingStream.resumeRoom {
                    state.isSuspended = false
                    // It was not the client who was waited for.
                    state.pace.restart()
                    connection.resume()
                }
                return .success(count)
            }
            if let failure = state.failure { return .failure(failure) }
            return state.isComplete ? .success(0) : nil
        }
        return try result!.get()
    }

    private func answer(_ response: HTTPResponse) {
        let respond = state.update { state in
            state.answer = response
            if state.isSuspended {
                state.isSuspended = false
                connection.resume()
            }
            return state.respond.take()
        }
        respond?(response)
    }

    /// The server stops.
    func cancel() {
        state.update { state in if !state.isComplete { state.failure = Workers.stopping } }
    }
}
