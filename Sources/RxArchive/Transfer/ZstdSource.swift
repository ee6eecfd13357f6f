import CZstd
public import RxModel

/// The bytes that zstd frames hold (RFC 8878), one after the other.
///
/// Throws `ContentError` in place of the end when a frame is cut short, damaged, or needs a window over `windowLog`. Memory is bounded by
/// that window and two buffers. Frames of the formats before RFC 8878 are refused: the library may know them, and then bounds no window.
public final class ZstdSource: ByteSource {
    /// The largest window is 2 to this power: 2 MiB, what zstd's levels up to 8 use. Source: Specs/12-transfer.
    public static let windowLog = 21

    private let source: any ByteSource
    private let context: OpaquePointer
    private let input: OwnedBuffer
    private var pending = ZSTD_inBuffer()
    private var hasBegun = false
    /// Whether the last frame that was begun has not ended.
    private var isInFrame = false
    private var isFinished = false

    /// Reads the zstd frames that `source` holds, to its end, `bufferBytes` at a time.
    public init(_ source: any ByteSource, bufferBytes: Int = streamBufferSize) {
        self.source = source
        input = OwnedBuffer(max(bufferBytes, MemoryLayout<UInt32>.size))
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
            if try isInFrame || beginsFrame() { try step(&output) }
            if output.pos > room || pending.pos > had { continue }
            if output.pos > 0 { break }
            if try !refill() { break }
        }
        return output.pos
    }

    /// Whether the bytes are here that say that a frame begins. Throws `ContentError` when they say something else. Source: RFC 8878, 3.1.
    private func beginsFrame() throws -> Bool {
        let rest = input.bytes[pending.pos..<pending.size]
        guard rest.count >= MemoryLayout<UInt32>.size else { return false }
        let magic = UInt32(littleEndian: UnsafeRawBufferPointer(rebasing: rest).loadUnaligned(as: UInt32.self))
        // A frame, or one of the sixteen that are skipped.
        guard magic == 0xFD2F_B528 || magic >> 4 == 0x184_D2A5 else {
            throw ContentError("the zstd stream is damaged: what follows is no zstd frame")
        }
        return true
    }

    private func step(_ output: inout ZSTD_outBuffer) throws {
        let result = ZSTD_decompressStream(context, &output, &pending)
        guard ZSTD_isError(result) == 0 else {
            throw ContentError("the zstd stream is damaged: \(String(cString: ZSTD_getErrorName(result)))")
        }
        hasBegun = true
        isInFrame = result != 0
    }

    /// Takes more from the source, behind the first bytes of a frame if it has not all that say so. False at a proper end.
    private func refill() throws -> Bool {
        let kept = pending.size - pending.pos
        input.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.bytes[pending.pos..<pending.size]))
        let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: input.bytes[kept...]))
        pending.size = kept + count
        pending.pos = 0
        guard count == 0 else { return true }
        guard hasBegun, !isInFrame, kept == 0 else { throw ContentError("the zstd stream is cut short") }
        isFinished = true
        return false
    }
}
