import CZstd
public import RxModel

/// The bytes that zstd frames hold (RFC 8878), one after the other.
///
/// Throws `ContentError` in place of the end when a frame is cut short, damaged, or needs a window over `windowLog`. Memory is bounded by
/// that window and two buffers.
public final class ZstdSource: ByteSource {
    /// The largest window is 2 to this power: 2 MiB, what zstd's levels up to 8 use. Source: Specs/12-transfer.
    public static let windowLog = 21

    private let source: any ByteSource
    private let context: OpaquePointer
    private let input: OwnedBuffer
    private var pending = ZSTD_inBuffer()
    /// Whether the last frame that was begun has not ended.
    private var isInFrame = true
    private var isFinished = false

    /// Reads the zstd frames that `source` holds, to its end, `bufferBytes` at a time.
    public init(_ source: any ByteSource, bufferBytes: Int = streamBufferSize) {
        self.source = source
        input = OwnedBuffer(bufferBytes)
        context = ZSTD_createDCtx()!
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(ZstdSource.windowLog))
        pending.src = UnsafeRawPointer(input.bytes.baseAddress!)
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses the next bytes. Throws `ContentError`, or what the compressed source throws.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !buffer.isEmpty, !isFinished else { return 0 }
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos < output.size {
            let room = output.pos
            let had = pending.pos
            // What a full output left in the library comes before what the source has.
            if pending.pos < pending.size || isInFrame { try step(&output) }
            if output.pos > room || pending.pos > had { continue }
            if output.pos > 0 { break }
            if try !refill() { break }
        }
        return output.pos
    }

    private func step(_ output: inout ZSTD_outBuffer) throws {
        let result = ZSTD_decompressStream(context, &output, &pending)
        guard ZSTD_isError(result) == 0 else {
            throw ContentError("the zstd stream is damaged: \(String(cString: ZSTD_getErrorName(result)))")
        }
        isInFrame = result != 0
    }

    /// False at a proper end.
    private func refill() throws -> Bool {
        pending.size = try source.read(into: input.bytes)
        pending.pos = 0
        guard pending.size == 0 else { return true }
        guard !isInFrame else { throw ContentError("the zstd stream is cut short") }
        isFinished = true
        return false
    }
}
