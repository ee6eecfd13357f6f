import RxHTTP
import RxModel
import RxPosix
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

    /// Of an answer's body so many bytes tell how fast they come: more than buffers on the way take at once.
    private static let tellingBytes = 256 << 10
    /// So many bytes a second, and compressing them takes longer than sending them.
    private static let fastBytes = 200e6

    private let transport: any HTTPTransport
    private let state = Mutex(Count())
    private let fast = Atomic<Bool>(false)

    /// Sends over `transport`.
    init(_ transport: any HTTPTransport) { self.transport = transport }

    /// What was counted so far.
    var count: Count { state.withLock { $0 } }

    /// Whether the last answer that was long enough to tell came so fast that to compress it was in vain.
    var isFast: Bool { fast.load(ordering: .relaxed) }

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

    /// Notes how long the bytes of a body took that came behind its first.
    private func came(_ bytes: Int, nanoseconds: Int) {
        guard bytes >= MeteringTransport.tellingBytes else { return }
        fast.store(Double(bytes) * 1e9 >= Double(nanoseconds) * MeteringTransport.fastBytes, ordering: .relaxed)
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
        /// When the first bytes came, in nanoseconds; nil before.
        private var start: Int?
        /// How many came since.
        private var count = 0
        /// When the last came.
        private var end = 0

        init(_ sink: any ByteSink, _ meter: MeteringTransport) {
            self.sink = sink
            self.meter = meter
        }

        deinit { if let start { meter.came(count, nanoseconds: end - start) } }

        func write(_ bytes: UnsafeRawBufferPointer) throws {
            meter.moved(bytes.count)
            end = Clock.monotonic
            if start == nil { start = end } else { count += bytes.count }
            try sink.write(bytes)
        }
    }
}
