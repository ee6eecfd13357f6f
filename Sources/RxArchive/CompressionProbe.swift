import CZlib

/// Tells content that is worth compressing from content that is not, by its beginning and nothing else.
///
/// Source: Specs/04-archive.
final class CompressionProbe {
    /// How much of a file is tried.
    static let sample = 64 << 10
    /// Shorter files are always compressed: the headers around them weigh more than they do.
    static let smallest = 4 << 10

    private let stream: UnsafeMutablePointer<z_stream>
    private let output = OwnedBuffer(sample)

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        precondition(rx_deflate_init_raw(stream, 1) == Z_OK, "zlib could not start")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Whether `sample`, at most `CompressionProbe.sample` bytes, shrinks by 5 % or more.
    func shrinks(_ sample: UnsafeRawBufferPointer) -> Bool {
        guard sample.count >= CompressionProbe.smallest else { return true }
        deflateReset(stream)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: sample.baseAddress!.assumingMemoryBound(to: Bytef.self))
        stream.pointee.avail_in = uInt(sample.count)
        stream.pointee.next_out = output.bytes.baseAddress!.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = uInt(sample.count / 100 * 95)
        return deflate(stream, Z_FINISH) == Z_STREAM_END
    }
}
