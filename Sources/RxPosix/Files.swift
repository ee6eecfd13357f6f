import CPosix
public import Glibc
import RxModel

/// Whole-file operations by path. Every failure is a `PosixError`.
public enum Files {
    /// What `lstat` says, or nil when nothing is there.
    public static func status(_ path: String) throws(PosixError) -> stat? {
        var status = stat()
        do {
            _ = try retrying("lstat", path) { lstat(path, &status) }
            return status
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw error
        }
    }

    /// Whether a folder is there, followed through symlinks.
    public static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return fstatat(AT_FDCWD, path, &status, 0) == 0 && status.isFolder
    }

    /// The folder that a path is in: `.` for a name alone.
    public static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path without the slashes at its end; the root folder keeps its own.
    public static func withoutEndingSlashes(_ path: String) -> String {
        var plain = path
        while plain.utf8.count > 1, plain.utf8.last == UInt8(ascii: "/") { plain.removeLast() }
        return plain
    }

    /// Makes a folder and those above it; fine when they are there.
    public static func makeFolders(_ path: String, mode: mode_t = 0o755) throws(PosixError) {
        do {
            _ = try retrying("mkdir", path) { mkdir(path, mode) }
        } catch {
            if error.errno == EEXIST, isFolder(path) { return }
            guard error.errno == ENOENT, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else {
                throw error
            }
            try makeFolders(String(path[..<slash]), mode: mode)
            do { _ = try retrying("mkdir", path) { mkdir(path, mode) } } catch { if error.errno != EEXIST { throw error } }
        }
    }

    /// Moves a file over whatever is at `target`, in one step.
    public static func rename(_ source: String, to target: String) throws(PosixError) {
        _ = try retrying("rename", target) { Glibc.rename(source, target) }
    }

    /// Removes a file; fine when none is there. Gives whether one was.
    @discardableResult
    public static func remove(_ path: String) throws(PosixError) -> Bool {
        do {
            _ = try retrying("unlink", path) { unlink(path) }
            return true
        } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
    }

    /// Removes a file if that can be done; for clean-up after a failure, whose own error matters more.
    public static func discard(_ path: String) { unlink(path) }

    /// Says that a file of a cache was used now, where that can be done.
    public static func touch(_ path: String) { utimensat(AT_FDCWD, path, nil, 0) }

    /// Removes a folder and all in it; fine when none is there.
    public static func removeTree(_ path: String) throws(PosixError) { try removeTree(Array(path.utf8)) }

    /// Removes what a folder has under a name, and all in it; the name may be any bytes.
    public static func removeTree(_ name: [UInt8], in folder: String) throws(PosixError) {
        try removeTree(Array(folder.utf8) + [UInt8(ascii: "/")] + name)
    }

    /// Names that are not UTF-8 are removed, too: a path made of text would not find them.
    private static func removeTree(_ path: [UInt8]) throws(PosixError) {
        let raw = path.map { CChar(bitPattern: $0) } + [0]
        func text() -> String { String(decoding: path, as: UTF8.self) }
        do throws(PosixError) {
            var status = stat()
            _ = try retrying("lstat", text()) { lstat(raw, &status) }
            guard status.isFolder else {
                _ = try retrying("unlink", text()) { unlink(raw) }
                return
            }
            var names: [[UInt8]] = []
            try eachName(in: raw) { names.append(Array($0)) }
            for name in names { try removeTree(path + [UInt8(ascii: "/")] + name) }
            _ = try retrying("rmdir", text()) { rmdir(raw) }
        } catch { if !error.isMissing { throw error } }
    }

    /// The names in a folder, unsorted, without `.` and `..`; a name that is not UTF-8 has its bytes replaced.
    public static func names(in path: String) throws(PosixError) -> [String] {
        var names: [String] = []
        try eachName(in: path) { names.append(String(decoding: $0, as: UTF8.self)) }
        return names
    }

    /// The names in a folder as they are, bytes that need not be UTF-8; none when it is not there.
    public static func rawNames(in path: String) throws(PosixError) -> [[UInt8]] {
        var names: [[UInt8]] = []
        do throws(PosixError) { try eachName(in: path) { names.append(Array($0)) } } catch { if !error.isMissing { throw error } }
        return names
    }

    /// Gives `body` the bytes of each name in a folder, unsorted, without `.` and `..`. Nothing but the folder itself is looked at.
    public static func eachName(in path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(PosixError) {
        try eachName(in: path.utf8CString.map { $0 }, body)
    }

    private static func eachName(in raw: [CChar], _ body: (UnsafeRawBufferPointer) -> Void) throws(PosixError) {
        func failure(_ call: String) -> PosixError {
            let code = errno
            return PosixError(call, String(decoding: raw.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self), errno: code)
        }
        guard let folder = opendir(raw) else { throw failure("opendir") }
        defer { closedir(folder) }
        let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                if errno != 0 { throw failure("readdir") }
                return
            }
            let start = UnsafeRawPointer(entry) + offset
            let name = UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
            let isItself = name[0] == UInt8(ascii: ".") && (name.count == 1 || name.count == 2 && name[1] == UInt8(ascii: "."))
            if !isItself { body(name) }
        }
    }

    /// The paths of everything below a folder that is no folder itself; symlinks are not followed.
    public static func tree(_ path: String) throws(PosixError) -> [String] {
        var found: [String] = []
        for name in try names(in: path) {
            let inner = "\(path)/\(name)"
            if let status = try status(inner), status.isFolder { found += try tree(inner) } else { found.append(inner) }
        }
        return found
    }

    /// The whole of a file, when it has at most `limit` bytes; throws `ContentError` for a larger one.
    public static func read(_ path: String, limit: Int = .max) throws -> [UInt8] {
        try FileSource(path: path).readAll(limit: limit)
    }

    /// Replaces a file in one durable step: written aside, synced, renamed, its folder synced.
    public static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o644, durably: Bool = true) throws(PosixError) {
        let aside = "\(path).\(RandomName.make())"
        do throws(PosixError) {
            let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try file.write(bytes)
            if durably { try file.sync() }
            try rename(aside, to: path)
        } catch {
            unlink(aside)
            throw error
        }
        if durably { try syncFolder(folder(of: path)) }
    }

    /// Runs `body` while this process alone holds the lock file at `path`.
    public static func locked<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        let lock = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
        _ = try retrying("flock", path) { flock(lock.number, LOCK_EX) }
        defer { flock(lock.number, LOCK_UN) }
        return try body()
    }

    /// Waits until the folder's own entries are durable.
    public static func syncFolder(_ path: String) throws(PosixError) {
        try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY).sync()
    }

    /// The path without symlinks, `.` and `..`.
    public static func realPath(_ path: String) throws(PosixError) -> String {
        guard let real = realpath(path, nil) else { throw PosixError("realpath", path, errno: errno) }
        defer { free(real) }
        return String(cString: real)
    }

    /// Makes a symlink with this target.
    public static func makeSymlink(_ path: String, to target: String) throws(PosixError) {
        _ = try retrying("symlink", path) { symlink(target, path) }
    }
}

extension stat {
    /// Whether it is a folder.
    public var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    /// Whether it is a regular file.
    public var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
    /// Whether it is a symlink.
    public var isSymlink: Bool { st_mode & S_IFMT == S_IFLNK }
    /// The time of the last use, in nanoseconds since 1970.
    public var usedAt: Int { st_atim.tv_sec * 1_000_000_000 + st_atim.tv_nsec }
    /// The time of the last change of content, in nanoseconds since 1970.
    public var modifiedAt: Int { st_mtim.tv_sec * 1_000_000_000 + st_mtim.tv_nsec }
    /// The time of the last change of anything about the file, in nanoseconds since 1970.
    public var changedAt: Int { st_ctim.tv_sec * 1_000_000_000 + st_ctim.tv_nsec }
}
