import RxModel
import RxPosix

/// Joins one thread that writes bytes to another that reads them, with bounded memory between them.
///
/// A side that fails or gives up ends the other: the reader throws what the writer failed with; the writer throws `Closed` when
/// nobody reads any more.
final class BytePipe: Sendable {
    /// How many bytes wait at most.
    static let capacity = 1 << 20
    /// How many chunks that were read stay in the list before it is shortened.
    private static let readLimit = 256

    /// Thrown to a writer whose reader has gone.
    struct Closed: Error {}

    private struct State {
        var chunks: [[UInt8]] = []
        var head = 0
        var offset = 0
        var waiting = 0
        var ended = false
        var failure: (any Error)?
        var abandoned = false
    }

    private let state = Monitor(State())

    /// The writing end.
    final class Writer: ByteSink {
        private let pipe: BytePipe

        init(_ pipe: BytePipe) { self.pipe = pipe }

        func write(_ bytes: UnsafeRawBufferPointer) throws {
            let room = pipe.state.wait { state -> Bool? in state.abandoned ? false : state.waiting < BytePipe.capacity ? true : nil }
            guard room == true else { throw Closed() }
            pipe.state.update { state in
                state.chunks.append(Array(bytes))
                state.waiting += bytes.count
            }
        }
    }

    /// The reading end.
    final class Reader: ByteSource {
        private let pipe: BytePipe

        init(_ pipe: BytePipe) { self.pipe = pipe }

        deinit { pipe.abandon() }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            _ = pipe.state.wait { state in state.waiting > 0 || state.ended ? true : nil }
            return try pipe.state.update { try BytePipe.take(&$0, into: buffer) }
        }
    }

    /// Says that no more bytes come; with `failure`, that what came is not all.
    func end(_ failure: (any Error)? = nil) {
        state.update { state in
            state.ended = true
            if state.failure == nil { state.failure = failure }
        }
    }

    /// How many bytes are in memory, whether they were read or not.
    var held: Int { state.update { $0.chunks.reduce(0) { $0 + $1.count } } }

    /// Says that nobody reads any more.
    func abandon() { state.update { $0.abandoned = true } }

    private static func take(_ state: inout State, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard state.waiting > 0 else {
            if let failure = state.failure { throw failure }
            return 0
        }
        var filled = 0
        while filled < buffer.count, state.head < state.chunks.count {
            let chunk = state.chunks[state.head]
            let count = min(chunk.count - state.offset, buffer.count - filled)
            chunk.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[state.offset..<state.offset + count]))
            }
            filled += count
            state.offset += count
            guard state.offset == chunk.count else { continue }
            // A writer that is always ahead never lets the list run empty: what was read is let go one by one.
            state.chunks[state.head] = []
            state.offset = 0
            state.head += 1
        }
        if state.head == state.chunks.count || state.head >= BytePipe.readLimit {
            state.chunks.removeFirst(state.head)
            state.head = 0
        }
        state.waiting -= filled
        return filled
    }

    /// What `produce`, on a thread of its own, writes; the thread ends by itself, with the last byte or when the source is released.
    static func source(_ produce: @escaping @Sendable (any ByteSink) throws -> Void) -> any ByteSource {
        let pipe = BytePipe()
        let reader = Reader(pipe)
        Thread.detach {
            do {
                try produce(Writer(pipe))
                pipe.end()
            } catch { pipe.end(error) }
        }
        return reader
    }

    /// Runs `produce` on a thread of its own and `consume` here, with a pipe between them; gives what `consume` gives.
    ///
    /// An error of the producer reaches the consumer at the end of the bytes. When the consumer fails, the producer is ended first.
    static func run<Value>(produce: @escaping @Sendable (any ByteSink) throws -> Void, consume: (any ByteSource) throws -> Value) throws
        -> Value
    {
        let pipe = BytePipe()
        let thread = Thread { [pipe] in
            do {
                try produce(Writer(pipe))
                pipe.end()
            } catch { pipe.end(error) }
        }
        defer {
            pipe.abandon()
            thread.join()
        }
        return try consume(Reader(pipe))
    }
}

/// A download whose bytes are read while they come.
enum Download {
    /// Asks for a URL. The source throws `RegistryError` when the answer is not 200 or does not come whole.
    static func open(_ url: String, _ transport: any HTTPTransport) throws -> any ByteSource {
        BytePipe.source { sink in
            try transport.perform(TransportRequest("GET", url)) { head in
                guard head.status == 200 else {
                    throw RegistryError("\(url) answered \(head.status)", code: head.status == 404 ? .notFound : .unreachable)
                }
                return sink
            }
        }
    }
}
