public import RxModel

/// Writes a resource archive (RXA): a tar.gz whose bytes are a function of paths, contents, executable bits and symlinks alone.
///
/// Memory is a few fixed buffers. Source: Specs/04-archive.
public final class ArchiveWriter {
    private let gzip: GzipSink
    private let probe = CompressionProbe()
    private let buffer: OwnedBuffer
    private var last: FilePath?

    /// Writes the archive to `sink`.
    public convenience init(to sink: any ByteSink) { self.init(to: sink, bufferBytes: streamBufferSize) }

    /// The same `bufferBytes` at a time. Where stored content is cut depends on it, and so do the archive's bytes: not for archives that
    /// others see.
    init(to sink: any ByteSink, bufferBytes: Int) {
        gzip = GzipSink(sink, bufferBytes: bufferBytes)
        buffer = OwnedBuffer(max(bufferBytes, CompressionProbe.sample))
    }

    /// Adds one file. Files come in ascending order of their paths.
    ///
    /// `content` must give exactly `size` bytes, and is read to its end so that a verifying source can say no. For a symlink,
    /// `symlink` is the target, and neither `size` nor `content` is looked at. Throws `ContentError` for a path out of order and a
    /// content of another length, and whatever source and sink throw; the archive is useless afterwards.
    public func add(
        path: FilePath, size: Int, executable: Bool = false, symlink: String? = nil, content: any ByteSource = BytesSource([])
    ) throws {
        if let last, last >= path {
            throw ContentError("entry \(FilePath.quoted(path.text)): does not come after \(FilePath.quoted(last.text))")
        }
        last = path
        if let symlink { return try write(TarHeader(path: path, size: 0, executable: false, symlink: symlink).bytes) }

        // The beginning decides how the file is compressed, its header included.
        var count = try fill(upTo: min(size, CompressionProbe.sample), content)
        try gzip.store(!probe.shrinks(buffer.prefix(count)))
        try write(TarHeader(path: path, size: size, executable: executable, symlink: nil).bytes)
        var written = 0
        while count > 0 {
            try gzip.write(buffer.prefix(count))
            written += count
            count = try fill(upTo: min(size - written, buffer.bytes.count), content)
        }
        guard written == size, try content.read(into: buffer.bytes) == 0 else {
            let found = written < size ? "\(written)" : "more"
            throw ContentError("entry \(FilePath.quoted(path.text)): \(size) bytes were expected, \(found) came", code: .contentDamaged)
        }
        try writeZeros(TarHeader.padding(size))
    }

    /// Writes one file of a resource; `open` gives the bytes of its blob.
    public func add(_ file: ResourceFile, open: (Digest) throws -> any ByteSource) throws {
        if let target = file.symlink { return try add(path: file.path, size: 0, symlink: target) }
        try add(path: file.path, size: file.size, executable: file.executable, content: open(file.digest))
    }

    /// Writes the end mark and the gzip trailer. An archive without it is refused by every reader.
    public func finish() throws {
        try writeZeros(2 * TarHeader.block)
        try gzip.finish()
    }

    /// Reads until `limit` bytes are there or the content ends.
    private func fill(upTo limit: Int, _ content: any ByteSource) throws -> Int {
        var count = 0
        while count < limit {
            let more = try content.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[count..<limit]))
            if more == 0 { break }
            count += more
        }
        return count
    }

    private func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try gzip.write($0) } }

    private func writeZeros(_ count: Int) throws {
        try withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 16) { zeros in
            zeros.initializeMemory(as: UInt8.self, repeating: 0)
            try gzip.write(UnsafeRawBufferPointer(rebasing: zeros[..<count]))
        }
    }
}

/// Writes the archive of `files`, in any order; `open` gives the bytes of a blob.
///
/// Throws what `ArchiveWriter.add` and `open` throw.
public func writeArchive(files: [ResourceFile], to sink: any ByteSink, open: (Digest) throws -> any ByteSource) throws {
    let writer = ArchiveWriter(to: sink)
    for file in files.sorted(by: { $0.path < $1.path }) { try writer.add(file, open: open) }
    try writer.finish()
}
