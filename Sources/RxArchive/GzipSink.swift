import CZlib
public import RxModel

/// Compresses what is written to it into one gzip member whose bytes depend on nothing but what was written: no time, no name.
///
/// Source: RFC 1952; Specs/04-archive.
public final class GzipSink: ByteSink {
    private let level: Int32
    private let sink: any ByteSink
    private let stream: UnsafeMutablePointer<z_stream>
    private let header: UnsafeMutablePointer<gz_header>
    private let output: OwnedBuffer
    private var stores = false

    /// Writes the gzip stream to `sink`, `bufferBytes` at a time; `level` is zlib's, 1 for the fastest to 9. Where
    /// stored bytes are cut depends on the buffer.
    public init(_ sink: any ByteSink, level: Int32 = 6, bufferBytes: Int = streamBufferSize) {
        self.sink = sink
        output = OwnedBuffer(bufferBytes)
        self.level = level
        header = .allocate(capacity: 1)
        header.initialize(to: gz_header())
        header.pointee.os = 255  // unknown
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        precondition(rx_deflate_init_gzip(stream, level) == Z_OK, "zlib could not start")
        deflateSetHeader(stream, header)
        emptyOutput()
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        header.deallocate()
    }

    /// Compresses `bytes`. Throws what the sink below throws.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = min(rest.count, 1 << 30)
            stream.pointee.next_in = UnsafeMutablePointer(mutating: rest.baseAddress!.assumingMemoryBound(to: Bytef.self))
            stream.pointee.avail_in = uInt(count)
            while stream.pointee.avail_in > 0 {
                deflate(stream, Z_NO_FLUSH)
                if stream.pointee.avail_out == 0 { try flushOutput() }
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Whether what follows is stored as it is: for content that does not shrink.
    public func store(_ stores: Bool) throws {
        guard stores != self.stores else { return }
        self.stores = stores
        while deflateParams(stream, stores ? 0 : level, Z_DEFAULT_STRATEGY) == Z_BUF_ERROR { try flushOutput() }
    }

    /// Writes what is left and the trailer; nothing can be written after it.
    public func finish() throws {
        while deflate(stream, Z_FINISH) != Z_STREAM_END { try flushOutput() }
        try flushOutput()
    }

    private func flushOutput() throws {
        let count = output.bytes.count - Int(stream.pointee.avail_out)
        if count > 0 { try sink.write(output.prefix(count)) }
        emptyOutput()
    }

    private func emptyOutput() {
        stream.pointee.next_out = output.bytes.baseAddress!.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = uInt(output.bytes.count)
    }
}
