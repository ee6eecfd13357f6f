import CZstd
public import RxModel

/// Compresses what is written to it into one zstd frame (RFC 8878), for answers and requests of moderate length.
public final class ZstdSink: ByteSink {
    /// How hard it tries: what waits for a network is worth more than the fastest level.
    private static let level: Int32 = 3

    private let sink: any ByteSink
    private let context: OpaquePointer
    private let output: OwnedBuffer
    /// How many bytes are still to be written.
    private var left: Int

    /// Writes the frame to `sink`; exactly `size` bytes are going to be written, so that little memory is taken for few of them.
    public init(_ sink: any ByteSink, size: Int) {
        self.sink = sink
        left = size
        context = ZSTD_createCCtx()!
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZstdSink.level)
        ZSTD_CCtx_setPledgedSrcSize(context, UInt64(size))
        output = OwnedBuffer(min(ZSTD_compressBound(size), streamBufferSize))
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Takes bytes. Throws what the sink throws, and `ContentError` for more than were said.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        left -= bytes.count
        guard left >= 0 else { throw ContentError("zstd could not compress: there are more bytes than were said", code: .internalError) }
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while input.pos < input.size { _ = try pass(&input, ZSTD_e_continue) }
    }

    /// Writes the end of the frame; nothing can be written after it. Throws likewise, also for fewer bytes than were said.
    public func finish() throws {
        guard left == 0 else { throw ContentError("zstd could not compress: \(left) bytes are missing", code: .internalError) }
        var input = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
        while try pass(&input, ZSTD_e_end) > 0 {}
    }

    /// Compresses until the input is used up or the output is full; gives how much is left to do, 0 for nothing.
    private func pass(_ input: inout ZSTD_inBuffer, _ what: ZSTD_EndDirective) throws -> Int {
        var made = ZSTD_outBuffer(dst: output.bytes.baseAddress, size: output.bytes.count, pos: 0)
        let rest = ZSTD_compressStream2(context, &made, &input, what)
        guard ZSTD_isError(rest) == 0 else {
            throw ContentError("zstd could not compress: \(String(cString: ZSTD_getErrorName(rest)))", code: .internalError)
        }
        if made.pos > 0 { try sink.write(output.prefix(made.pos)) }
        return rest
    }
}

/// The zstd frame of bytes in memory.
public func zstdCompressed(_ bytes: [UInt8]) throws -> [UInt8] {
    let frame = BytesSink()
    let sink = ZstdSink(frame, size: bytes.count)
    try bytes.withUnsafeBytes { try sink.write($0) }
    try sink.finish()
    return frame.bytes
}
