import RxHTTP
import RxModel
import Synchronization

/// Counts requests and the bytes of their bodies, as they are encoded, in both directions. It lies beneath all other transports of a client, so
/// that challenges and what is tried again count too.
final class MeteringTransport: HTTPTransport {
    /// What went over the wire so far.
    struct Count: Sendable, Equatable {
        /// How many requests were sent.
        var requests = 0
        /// The bytes of all bodies.
        var bytes = 0
    }

    private let transport: any HTTPTransport
    private let state = Mutex(Count())

    /// Sends over `transport`.
    init(_ transport: any HTTPTransport) { self.transport = transport }

    /// What was counted so far.
    var count: Count { state.withLock { $0 } }

    @discardableResult
    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        state.withLock { $0.requests += 1 }
        var request = request
        switch request.body {
        case .none: break
        case .bytes(let bytes, _): moved(bytes.count)
        case .stream(let source, let length, let type): request.body = .stream(CountedSource(source, self), length: length, type: type)
        case .form(let parts): request.body = .form(parts.map { $0.reading { CountedSource($0, self) } })
        }
        return try transport.perform(request) { CountedSink(try receive($0), self) }
    }

    private func moved(_ bytes: Int) { state.withLock { $0.bytes += bytes } }

    /// Passes bytes on and counts them.
    private final class CountedSource: ByteSource {
        private let source: any ByteSource
        private let meter: MeteringTransport

        init(_ source: any ByteSource, _ meter: MeteringTransport) {
            self.source = source
            self.meter = meter
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            let count = try source.read(into: buffer)
            meter.moved(count)
            return count
        }
    }

    /// Passes bytes on and counts them.
    private final class CountedSink: ByteSink {
        private let sink: any ByteSink
        private let meter: MeteringTransport

        init(_ sink: any ByteSink, _ meter: MeteringTransport) {
            self.sink = sink
            self.meter = meter
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws {
            meter.moved(bytes.count)
            try sink.write(bytes)
        }
    }
}
