import CPosix
public import Glibc

/// The one owner of an open file; closes it at the end of its life.
public final class FileDescriptor: Sendable {
    /// The number that system calls take; valid as long as this object lives.
    public let number: Int32
    /// What was opened, for error messages.
    public let path: String

    /// Takes ownership of an open descriptor.
    public init(owning number: Int32, path: String) {
        self.number = number
        self.path = path
    }

    deinit { Glibc.close(number) }

    /// Which file this is: another number for each file of a file system, also for one that has the inode of one that is gone. 0 when the
    /// system does not say (statx(2)).
    public var identity: UInt64 { rx_file_identity(number) }

    /// Opens a file, always close-on-exec. Throws `PosixError`.
    public static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(PosixError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) }, path: path)
    }

    /// Reads up to the buffer's length from the current offset; 0 at the end. Throws `PosixError`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(PosixError) -> Int {
        try retrying("read", path) { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Reads up to the buffer's length from `offset`; 0 at the end. Throws `PosixError`.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(PosixError) -> Int {
        try retrying("pread", path) { pread(number, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// Writes all bytes at the current offset. Throws `PosixError`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(PosixError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = try retrying("write", path) { Glibc.write(number, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes all bytes at the current offset. Throws `PosixError`.
    public func write(_ bytes: [UInt8]) throws(PosixError) {
        let result: Result<Void, PosixError> = bytes.withUnsafeBytes { raw in
            do throws(PosixError) { return .success(try write(raw)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Writes all bytes from `offset` on, wherever the current offset is. Throws `PosixError`.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PosixError) {
        var rest = bytes
        while !rest.isEmpty {
            let place = off_t(offset + bytes.count - rest.count)
            let count = try retrying("pwrite", path) { pwrite(number, rest.baseAddress, rest.count, place) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Type, mode, length and times. Throws `PosixError`.
    public func status() throws(PosixError) -> stat {
        var status = stat()
        _ = try retrying("fstat", path) { fstat(number, &status) }
        return status
    }

    /// Waits until the file's bytes and length are durable. Throws `PosixError`.
    public func sync() throws(PosixError) { _ = try retrying("fsync", path) { fsync(number) } }

    /// Waits until the file's bytes are durable, and its length where that has changed, but not its times. Throws `PosixError`.
    public func syncData() throws(PosixError) { _ = try retrying("fdatasync", path) { fdatasync(number) } }

    /// Begins to write a part of the file to the disk, so that a later `sync` waits for less; an empty range goes on to the file's end.
    /// Promises nothing, and so cannot fail.
    public func startWriting(_ range: Range<Int>) { _ = rx_start_writing(number, range.lowerBound, range.count) }

    /// Sets the file's time of last use (`atime`) to now and leaves that of its last change of content (`mtime`) alone. It is for choosing what
    /// goes first, so failing is fine.
    package func noteUse() { rx_note_use(number) }

    /// Waits until everything written to the file's file system is durable. Throws `PosixError`.
    public func syncFileSystem() throws(PosixError) { _ = try retrying("syncfs", path) { rx_syncfs(number) } }

    /// Moves the current offset to the start.
    public func rewind() throws(PosixError) { _ = try retrying("lseek", path) { lseek(number, 0, SEEK_SET) } }
}

extension FileDescriptor {
    /// The process's standard output; it lives as long as the process.
    public static let standardOutput = FileDescriptor(owning: 1, path: "standard output")
}

extension FileDescriptor {
    /// Opens a file whose bytes are then read from the disk itself, not from memory. Buffers and offsets must be multiples of 4096. Throws
    /// `PosixError`, also where the file system cannot.
    package static func openUncached(_ path: String) throws(PosixError) -> FileDescriptor {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | rx_direct()
        return FileDescriptor(owning: try retrying("open", path) { Glibc.open(path, flags) }, path: "\(path) past the page cache")
    }

    /// Opens whatever has this name, a symlink itself, for nothing but its status, which needs no right to read it; nil where that cannot be. As long
    /// as it is open nothing else gets its number.
    package static func holding(_ path: String) -> FileDescriptor? {
        let number = Glibc.open(path, rx_path_only() | O_NOFOLLOW | O_CLOEXEC)
        return number < 0 ? nil : FileDescriptor(owning: number, path: path)
    }
}
