import Glibc
import RxModel
import RxPosix
import Synchronization

/// A folder on disk that is to become a resource: its real name and the files it holds, left where they are.
public final class SourceFolder: Sendable {
    /// The folder's own name, symlinks and `.` resolved; `/` for the root.
    public let name: String
    /// Its path without symlinks, `.` and `..`.
    public let path: String
    private let root: FileDescriptor
    private let last = Mutex<(path: FilePath, file: FileDescriptor)?>(nil)

    /// Opens the folder at `path`. Throws `PosixError`.
    public init(path: String) throws {
        self.path = try Files.realPath(path)
        name = self.path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? "/"
        root = try FileDescriptor.open(self.path, O_RDONLY | O_DIRECTORY)
    }

    /// Every file below the folder, sorted by path, without `.git`, `node_modules` and what the `.rxignore` files list; symlinks as
    /// symlinks, never followed. Empty folders are nothing.
    ///
    /// Throws `ContentError` naming the entry for a device, fifo or socket and for a name that is not UTF-8 or holds a newline,
    /// `PosixError` for a folder that cannot be read.
    public func entries() throws -> [SourceEntry] {
        var walk = FolderWalk(folder: self)
        try walk.walk(Directory.open(".", in: root.number, path: path))
        return walk.entries
    }

    /// Opens a regular file below the folder; no segment of the path may be a symlink.
    func open(_ path: FilePath) throws -> FileDescriptor {
        do {
            let folder = try path.parent.map { try self.folder($0) } ?? root
            return try at(folder, path.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, path)
        } catch let error as PosixError {
            let reason = error.errno == ELOOP || error.errno == ENXIO ? "it is no longer a file" : String(cString: strerror(error.errno))
            throw ContentError("entry \(FilePath.quoted(path.text)): cannot be read: \(reason)", hint: error.hint)
        }
    }

    /// Opens a folder below this one. The last one stays open: files are read in the order of their paths.
    private func folder(_ path: FilePath) throws -> FileDescriptor {
        if let known = last.withLock({ $0?.path == path ? $0?.file : nil }) { return known }
        var folder = root
        for segment in path.segments { folder = try at(folder, segment, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, path) }
        last.withLock { [folder] in $0 = (path, folder) }
        return folder
    }

    private func at(_ folder: FileDescriptor, _ name: Substring, _ flags: Int32, _ path: FilePath) throws -> FileDescriptor {
        let text = "\(self.path)/\(path)"
        let number = try retrying("openat", text) { openat(folder.number, String(name), flags | O_CLOEXEC) }
        return FileDescriptor(owning: number, path: text)
    }
}

/// The one owner of a folder that is being listed.
struct Directory: ~Copyable {
    private let handle: OpaquePointer
    /// The descriptor that calls such as `openat` take; valid as long as this value lives.
    let number: Int32

    private init(_ handle: OpaquePointer, _ number: Int32) {
        self.handle = handle
        self.number = number
    }

    /// Opens `name` in the folder `parent`; never through a symlink. Throws `PosixError` naming `path`.
    static func open(_ name: String, in parent: Int32, path: @autoclosure () -> String) throws(PosixError) -> Directory {
        let number = try retrying("openat", path()) { openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        if let handle = fdopendir(number) { return Directory(handle, number) }
        let code = errno
        close(number)
        throw PosixError("fdopendir", path(), errno: code)
    }

    deinit { closedir(handle) }

    /// Gives the bytes of the next name, without a NUL at the end; nil at the end. Throws `PosixError` naming `path`.
    borrowing func next(path: @autoclosure () -> String) throws(PosixError) -> [UInt8]? {
        while true {
            errno = 0
            guard let entry = readdir(handle) else {
                if errno != 0 { throw PosixError("readdir", path(), errno: errno) }
                return nil
            }
            let start = UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
            let name = UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
            if !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) { return Array(name) }
        }
    }
}
