public import RxModel

/// The bytes of a stream that may be gzip or zstd, which its first bytes tell; anything else is passed on as it is.
public final class DecodingSource: ByteSource {
    /// How many bytes tell what a stream is.
    private static let magicBytes = 4

    private var source: any ByteSource
    private let bufferBytes: Int
    private var isKnown = false

    /// Reads `source` to its end, `bufferBytes` at a time when it is compressed.
    public init(_ source: any ByteSource, bufferBytes: Int = streamBufferSize) {
        self.source = source
        self.bufferBytes = bufferBytes
    }

    /// Gives the next bytes, decompressed. Throws `ContentError` for a damaged stream, or what the source throws.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if !isKnown {
            source = try decoded(source)
            isKnown = true
        }
        return try source.read(into: buffer)
    }

    private func decoded(_ source: any ByteSource) throws -> any ByteSource {
        let magicBytes = DecodingSource.magicBytes
        var magic = [UInt8](repeating: 0, count: magicBytes)
        var count = 0
        while count < magicBytes {
            let more = try magic.withUnsafeMutableBytes { try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...])) }
            if more == 0 { break }
            count += more
        }
        magic.removeSubrange(count...)
        let whole = RejoinedSource(magic, source)
        if magic.starts(with: [0x1F, 0x8B]) { return GzipSource(whole, bufferBytes: bufferBytes) }
        if magic == [0x28, 0xB5, 0x2F, 0xFD] { return ZstdSource(whole, bufferBytes: bufferBytes) }
        return whole
    }
}

/// Some bytes and then the rest of a source.
private final class RejoinedSource: ByteSource {
    private let first: BytesSource
    private let rest: any ByteSource
    private var isInRest = false

    init(_ first: [UInt8], _ rest: any ByteSource) {
        self.first = BytesSource(first)
        self.rest = rest
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if !isInRest {
            let count = first.read(into: buffer)
            if count > 0 { return count }
            isInRest = true
        }
        return try rest.read(into: buffer)
    }
}
