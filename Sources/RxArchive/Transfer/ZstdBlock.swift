import CZstd
import RxModel

/// Makes zstd frames (RFC 8878), each from one block of bytes and readable without the others.
final class ZstdBlock {
    private let context: OpaquePointer
    private let output: OwnedBuffer
    private var level: Int32?

    /// Takes blocks of at most `size` bytes.
    init(size: Int) {
        context = ZSTD_createCCtx()!
        output = OwnedBuffer(ZSTD_compressBound(size))
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The level that copies: it looks for hardly anything, and leaves what it does not find as it is.
    static let raw = ZSTD_minCLevel()

    /// The frame; valid until the next call.
    func compress(_ block: UnsafeRawBufferPointer, level: Int32) throws -> UnsafeRawBufferPointer {
        if level != self.level {
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
            self.level = level
        }
        let count = ZSTD_compress2(context, output.bytes.baseAddress, output.bytes.count, block.baseAddress, block.count)
        guard ZSTD_isError(count) == 0 else {
            throw ContentError("zstd could not compress: \(String(cString: ZSTD_getErrorName(count)))", code: .internalError)
        }
        return output.prefix(count)
    }
}
