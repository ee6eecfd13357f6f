import CZlib
public import RxModel

/// The bytes that a gzip stream holds (RFC 1952): one member or several, one after the other.
///
/// Throws `ContentError` in place of the end when the stream is cut short, a checksum or length does not match, or anything
/// follows the last member. Memory is two fixed buffers.
public final class GzipSource: ByteSource {
    private let source: any ByteSource
    private let stream: UnsafeMutablePointer<z_stream>
    private let input: OwnedBuffer
    /// Members whose trailer was checked.
    private var members = 0
    private var isBetweenMembers = true
    private var isFinished = false

    /// Reads the gzip stream that `source` holds, to its end, `bufferBytes` at a time.
    public init(_ source: any ByteSource, bufferBytes: Int = streamBufferSize) {
        self.source = source
        input = OwnedBuffer(bufferBytes)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        precondition(rx_inflate_init_gzip(stream) == Z_OK, "zlib could not start")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Decompresses the next bytes. Throws `ContentError`, or what the compressed source throws.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = min(buffer.count, 1 << 30)
        guard wanted > 0, !isFinished else { return 0 }
        stream.pointee.next_out = buffer.baseAddress!.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = uInt(wanted)
        while stream.pointee.avail_out > 0 {
            if stream.pointee.avail_in == 0, try !refill() { break }
            if isBetweenMembers { try startMember() }
            try step()
        }
        return wanted - Int(stream.pointee.avail_out)
    }

    /// False at a proper end.
    private func refill() throws -> Bool {
        let count = try source.read(into: input.bytes)
        stream.pointee.next_in = input.bytes.baseAddress!.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_in = uInt(count)
        guard count == 0 else { return true }
        guard isBetweenMembers else { throw ContentError("the gzip stream is cut short") }
        guard members > 0 else { throw ContentError("the archive is empty, not a gzip stream") }
        isFinished = true
        return false
    }

    private func startMember() throws {
        guard stream.pointee.next_in.pointee == 0x1F else {
            throw ContentError(members == 0 ? "not a gzip stream" : "data after the end of the gzip stream")
        }
        isBetweenMembers = false
    }

    private func step() throws {
        switch inflate(stream, Z_NO_FLUSH) {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END:
            members += 1
            isBetweenMembers = true
            inflateReset(stream)
        case Z_MEM_ERROR: throw ContentError("no memory to decompress the archive", code: .internalError)
        case let code:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)"
            throw ContentError("the gzip stream is damaged: \(reason)")
        }
    }
}
