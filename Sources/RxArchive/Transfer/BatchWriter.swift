public import RxModel

/// Writes many blobs as one stream: a tar whose entries are named as in an OCI image layout. Source: Specs/12-transfer.
///
/// Small ones are gathered, so that the sink gets few and large pieces; one buffer is held.
public final class BatchWriter {
    private let sink: any ByteSink
    private let buffer: OwnedBuffer
    private var used = 0

    /// Writes the stream to `sink`, about `bufferBytes` at a time: 2 KiB or more, for the longest header.
    public init(to sink: any ByteSink, bufferBytes: Int = 512 << 10) {
        self.sink = sink
        buffer = OwnedBuffer(bufferBytes)
    }

    /// How many bytes the stream of blobs of these sizes has.
    public static func length(_ sizes: some Sequence<Int>) -> Int {
        sizes.reduce(2 * TarHeader.block) { total, size in
            total + TarHeader.block * (size > TarHeader.maxOctalSize ? 3 : 1) + size + TarHeader.padding(size)
        }
    }

    /// Adds one blob, of which `content` gives exactly `size` bytes. Throws `ContentError` when it does not; the stream is useless then.
    public func add(_ digest: Digest, size: Int, content: any ByteSource) throws {
        try add(digest, size: size) { try content.read(into: $0) }
        // A source that verifies says at its end whether it was right.
        let more = try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { try content.read(into: $0) }
        guard more == 0 else { throw ContentError("blob \(digest) has more than its \(size) bytes", code: .contentDamaged) }
    }

    /// The same with a function that fills the front of a buffer and gives the number of bytes, 0 at the end. It is not called again
    /// once it gave `size` bytes.
    public func add(_ digest: Digest, size: Int, read: (UnsafeMutableRawBufferPointer) throws -> Int) throws {
        let path = try FilePath(parsing: "blobs/sha256/" + digest.hex)
        try put(TarHeader(path: path, size: size, executable: false, symlink: nil).bytes)
        var left = size
        while left > 0 {
            if used == buffer.bytes.count { try flush() }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used..<min(used + left, buffer.bytes.count)])
            let count = try read(room)
            guard count > 0 else {
                throw ContentError("blob \(digest) has \(size - left) of its \(size) bytes", code: .contentDamaged)
            }
            used += count
            left -= count
        }
        try pad(TarHeader.padding(size))
    }

    /// Writes the end mark and what is held. A stream without it is one that broke.
    public func finish() throws {
        try pad(2 * TarHeader.block)
        try flush()
    }

    private func put(_ bytes: [UInt8]) throws {
        if buffer.bytes.count - used < bytes.count { try flush() }
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used...]).copyMemory(from: $0) }
        used += bytes.count
    }

    private func pad(_ count: Int) throws {
        if buffer.bytes.count - used < count { try flush() }
        UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used..<used + count]).initializeMemory(as: UInt8.self, repeating: 0)
        used += count
    }

    private func flush() throws {
        guard used > 0 else { return }
        try sink.write(buffer.prefix(used))
        used = 0
    }
}
