import CPosix
public import Glibc

/// An open folder, whose entries are reached by their names alone: the path above is walked once, and what others put in its way
/// later changes nothing.
public final class OpenFolder: Sendable {
    /// The folder itself.
    public let descriptor: FileDescriptor
    /// Where it was when it was opened, for error messages.
    public var path: String { descriptor.path }

    private var number: Int32 { descriptor.number }

    /// Opens a folder by path, also behind a symlink. Throws `PosixError`.
    public init(_ path: String) throws(PosixError) { descriptor = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY) }

    private init(owning number: Int32, path: String) { descriptor = FileDescriptor(owning: number, path: path) }

    /// Opens a folder below this one, `a/b/c`; no part of that path may be a symlink. Throws `PosixError`, with `ELOOP` or `ENOTDIR`
    /// for one that is.
    public func folder(_ relative: String) throws(PosixError) -> OpenFolder {
        var at = self
        for segment in relative.utf8.split(separator: UInt8(ascii: "/")) {
            let name = String(Substring(segment))
            let path = "\(at.path)/\(name)"
            let above = at.number
            let number = try retrying("openat", path) { rx_open_folder(above, name) }
            at = OpenFolder(owning: number, path: path)
        }
        return at
    }

    /// What `lstat` says of an entry, or of a path below; nil when nothing is there.
    public func status(_ name: String) throws(PosixError) -> stat? {
        var status = stat()
        do {
            _ = try retrying("lstat", "\(path)/\(name)") { fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) }
            return status
        } catch {
            if error.isMissing { return nil }
            throw error
        }
    }

    /// Opens an entry that is no symlink, and makes it where the flags say so. Throws `PosixError`.
    public func open(_ name: String, _ flags: Int32, mode: mode_t = 0) throws(PosixError) -> OpenFile {
        let number = try retrying("open", "\(path)/\(name)") { openat(self.number, name, flags | O_NOFOLLOW | O_CLOEXEC, mode) }
        return OpenFile(owning: number)
    }

    /// Gives a file of another folder one more name, in this one. Throws `PosixError`.
    public func link(_ source: String, in folder: OpenFolder, as name: String) throws(PosixError) {
        _ = try retrying("link", "\(path)/\(name)") { linkat(folder.number, source, number, name, 0) }
    }

    /// Gives the file at a path one more name, in this folder. Throws `PosixError`.
    public func link(_ file: String, as name: String) throws(PosixError) {
        _ = try retrying("link", "\(path)/\(name)") { linkat(AT_FDCWD, file, number, name, 0) }
    }

    /// Makes a symlink. Throws `PosixError`.
    public func makeSymlink(_ name: String, to target: String) throws(PosixError) {
        _ = try retrying("symlink", "\(path)/\(name)") { symlinkat(target, number, name) }
    }

    /// Makes a folder; fine when one is there. Throws `PosixError`, also for a symlink to one.
    public func makeFolder(_ name: String, mode: mode_t = 0o755) throws(PosixError) {
        do {
            _ = try retrying("mkdir", "\(path)/\(name)") { mkdirat(number, name, mode) }
        } catch {
            if error.errno == EEXIST, let status = try status(name), status.isFolder { return }
            throw error
        }
    }

    /// Where a symlink leads, as bytes. Throws `PosixError`.
    public func target(ofSymlink name: String) throws(PosixError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try retrying("readlink", "\(path)/\(name)") {
            bytes.withUnsafeMutableBytes { readlinkat(number, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count) }
        }
        return Array(bytes[..<count])
    }

    /// Moves an entry into another folder, over a file that is there when `replacing`. Throws `PosixError`.
    public func move(_ name: String, to folder: OpenFolder, as target: String, replacing: Bool) throws(PosixError) {
        let path = "\(folder.path)/\(target)"
        if !replacing {
            do {
                _ = try retrying("rename", path) { rx_rename_new(number, name, folder.number, target) }
                return
            } catch {
                // Some file systems cannot look and rename in one step.
                guard error.errno == EINVAL || error.errno == ENOSYS else { throw error }
            }
        }
        _ = try retrying("rename", path) { renameat(number, name, folder.number, target) }
    }

    /// Removes a file or symlink. Throws `PosixError`.
    public func remove(_ name: String) throws(PosixError) { _ = try retrying("unlink", "\(path)/\(name)") { unlinkat(number, name, 0) } }

    /// Removes an empty folder; gives false, and leaves it, when something is in it. Throws `PosixError`.
    @discardableResult
    public func removeFolder(_ name: String) throws(PosixError) -> Bool {
        do {
            _ = try retrying("rmdir", "\(path)/\(name)") { unlinkat(number, name, AT_REMOVEDIR) }
            return true
        } catch {
            if error.errno == ENOTEMPTY || error.errno == EEXIST { return false }
            throw error
        }
    }

    /// Takes the folder's lock, which goes with this object; waits for it, or gives false without `waiting`. Throws `PosixError`.
    @discardableResult
    public func lock(waiting: Bool = true) throws(PosixError) -> Bool {
        do {
            _ = try retrying("flock", path) { flock(number, waiting ? LOCK_EX : LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if !waiting, error.errno == EWOULDBLOCK { return false }
            throw error
        }
    }
}

/// The one owner of an open file that is used in passing, and whose path is somebody else's to know.
public struct OpenFile: ~Copyable {
    private let number: Int32

    init(owning number: Int32) { self.number = number }

    /// Opens a file by path. Throws `PosixError`.
    public init(reading path: String) throws(PosixError) {
        self.init(owning: try retrying("open", path) { Glibc.open(path, O_RDONLY | O_CLOEXEC) })
    }

    deinit { Glibc.close(number) }

    /// Reads up to the buffer's length; 0 at the end. Throws `PosixError` about `path`.
    public func read(into buffer: UnsafeMutableRawBufferPointer, _ path: @autoclosure () -> String) throws(PosixError) -> Int {
        try retrying("read", path()) { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Writes all bytes. Throws `PosixError` about `path`.
    public func write(_ bytes: UnsafeRawBufferPointer, _ path: @autoclosure () -> String) throws(PosixError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = try retrying("write", path()) { Glibc.write(number, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Lets this empty file share another one's bytes until one of them is written to. Throws `PosixError` about `path`.
    public func clone(_ source: borrowing OpenFile, _ path: @autoclosure () -> String) throws(PosixError) {
        let from = source.number
        _ = try retrying("clone", path()) { rx_clone_file(number, from) }
    }

    /// Type, mode, length and times. Throws `PosixError` about `path`.
    public func status(_ path: @autoclosure () -> String) throws(PosixError) -> stat {
        var status = stat()
        _ = try retrying("fstat", path()) { fstat(number, &status) }
        return status
    }
}
