import RxModel
import RxPosix

/// The threads of streams: each that is received or sent has one of its own, and there are so many at most.
package final class Transfers: Sendable {
    private struct State {
        var taken = 0
        var isCancelled = false
        var streams: [ObjectIdentifier: any CancellableStream] = [:]
    }

    private let limit: Int
    private let state = Monitor(State())

    /// Lets `limit` streams run at a time.
    package init(limit: Int) { self.limit = limit }

    /// A place for one stream, kept until the slot is released and what it runs has ended. Throws `RegistryError` (`overloaded`) when all
    /// are taken or the server stops.
    func reserve() throws(RegistryError) -> TransferSlot {
        let refusal: RegistryError? = state.update { state in
            guard !state.isCancelled else { return Workers.stopping }
            guard state.taken < limit else {
                return RegistryError("the server is busy with \(limit) other transfers", code: .overloaded, hint: "try again in a moment")
            }
            state.taken += 1
            return nil
        }
        if let refusal { throw refusal }
        return TransferSlot(self)
    }

    /// How many places are taken.
    var taken: Int { state.updateQuietly { $0.taken } }

    fileprivate func release() { state.update { $0.taken -= 1 } }

    /// Runs `body` on a thread of its own; `stream` is cancelled when the server stops.
    fileprivate func run(_ slot: TransferSlot, _ stream: any CancellableStream, _ body: @escaping @Sendable () -> Void) {
        let isCancelled = state.update { state in
            state.streams[ObjectIdentifier(stream)] = stream
            return state.isCancelled
        }
        if isCancelled { stream.cancel() }
        Thread.detach { [self] in
            body()
            state.update { $0.streams[ObjectIdentifier(stream)] = nil }
            withExtendedLifetime(slot) {}
        }
    }

    /// Ends the streams that are under way; no new one begins.
    func cancel() {
        let streams = state.update { state in
            state.isCancelled = true
            return Array(state.streams.values)
        }
        for each in streams { each.cancel() }
    }

    /// Waits until what runs has ended, and what is about to: whoever has a place may not have begun.
    func close() { _ = state.wait { state in state.taken == 0 ? true : nil } }
}

/// What ends when the server stops.
protocol CancellableStream: AnyObject, Sendable {
    /// Ends it soon; on any thread.
    func cancel()
}

/// The right to one stream.
package final class TransferSlot: Sendable {
    private let transfers: Transfers

    fileprivate init(_ transfers: Transfers) { self.transfers = transfers }

    deinit { transfers.release() }

    /// Runs `body` on a thread of its own.
    func run(_ stream: any CancellableStream, _ body: @escaping @Sendable () -> Void) { transfers.run(self, stream, body) }
}
