public import RxModel

/// The bytes of an open file, from its current offset.
public final class FileSource: ByteSource {
    private let file: FileDescriptor

    /// Reads from `file`.
    public init(_ file: FileDescriptor) { self.file = file }

    /// Opens and reads the file at `path`. Throws `PosixError`.
    public convenience init(path: String) throws(PosixError) { self.init(try FileDescriptor.open(path, 0)) }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try file.read(into: buffer) }
}

/// Writes to an open file, at its current offset.
public final class FileSink: ByteSink {
    private let file: FileDescriptor

    /// Writes to `file`.
    public init(_ file: FileDescriptor) { self.file = file }

    public func write(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }
}

/// Collects small writes into large ones. Call `flush` at the end.
public final class BufferedSink: ByteSink {
    private let sink: any ByteSink
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: streamBufferSize, alignment: 16)
    private var count = 0

    /// Writes to `sink`.
    public init(_ sink: any ByteSink) { self.sink = sink }

    deinit { buffer.deallocate() }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        if count + bytes.count > buffer.count { try flush() }
        guard bytes.count < buffer.count else { return try sink.write(bytes) }
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    /// Hands on what is collected.
    public func flush() throws {
        guard count > 0 else { return }
        try sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        count = 0
    }
}

/// Reads a file from any place on, beside others that read through the same descriptor.
public final class FileRangeSource: SeekableSource {
    private let file: FileDescriptor
    private var offset: Int

    /// Reads `file` from `offset` on.
    public init(_ file: FileDescriptor, from offset: Int = 0) {
        self.file = file
        self.offset = offset
    }

    public func seek(to offset: Int) { self.offset = offset }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try file.read(into: buffer, at: offset)
        offset += count
        return count
    }
}
