import RxHTTP
import RxModel

/// Counts requests and the bytes of their bodies, as they are encoded, in both directions.
final class MeteringTransport: HTTPTransport {
    private let transport: any HTTPTransport
    private let meter: TransferMeter

    /// Sends over `transport` and counts in `meter`.
    init(_ transport: any HTTPTransport, _ meter: TransferMeter) {
        self.transport = transport
        self.meter = meter
    }

    @discardableResult
    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        meter.asked()
        var request = request
        switch request.body {
        case .none: break
        case .bytes(let bytes, _): meter.moved(bytes.count)
        case .stream(let source, let length, let type):
            request.body = .stream(CountedSource(source, meter), length: length, type: type)
        case .form(let parts):
            request.body = .form(parts.map { $0.reading { CountedSource($0, meter) } })
        }
        return try transport.perform(request) { CountedSink(try receive($0), meter) }
    }

    /// Passes bytes on and counts them.
    private final class CountedSource: ByteSource {
        private let source: any ByteSource
        private let meter: TransferMeter

        init(_ source: any ByteSource, _ meter: TransferMeter) {
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
        private let meter: TransferMeter

        init(_ sink: any ByteSink, _ meter: TransferMeter) {
            self.sink = sink
            self.meter = meter
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws {
            meter.moved(bytes.count)
            try sink.write(bytes)
        }
    }
}
