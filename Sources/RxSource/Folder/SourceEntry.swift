import Glibc
public import RxModel
public import RxPosix

/// One file of a folder that is to become a resource: where it is, what it is, and how to read it.
public struct SourceEntry: Sendable {
    /// What an entry is.
    public enum Kind: Hashable, Sendable {
        /// A file with bytes; `executable` when its owner may execute it.
        case regular(executable: Bool)
        /// A symlink, kept as one, with its target's text.
        case symlink(target: String)
    }

    /// Where it is inside the content.
    public let path: FilePath
    /// What it is.
    public let kind: Kind
    /// Its length in bytes; for a symlink that of its target's text.
    public let size: Int
    /// When its bytes last changed, in nanoseconds since 1970.
    public let modifiedAt: Int
    /// When anything about it last changed, in nanoseconds since 1970.
    public let changedAt: Int
    /// Its number on its file system.
    public let inode: UInt64
    /// The number of its file system.
    public let device: UInt64
    private let folder: SourceFolder

    init(path: FilePath, kind: Kind, size: Int, status: stat, folder: SourceFolder) {
        self.path = path
        self.kind = kind
        self.size = size
        modifiedAt = status.modifiedAt
        changedAt = status.changedAt
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        self.folder = folder
    }

    /// Opens a regular file for reading, without following a symlink anywhere below the folder.
    ///
    /// Throws `ContentError` naming the entry when it cannot be read, or is no longer what the walk saw: what is read then belongs to
    /// the size and times given here.
    public func open() throws -> FileDescriptor {
        let file = try folder.open(path)
        guard isUnchanged(try file.status()) else { throw changed }
        return file
    }

    /// Reads a small regular file, or gives the text of a symlink's target. Throws `ContentError` for more than `limit` bytes.
    public func read(limit: Int = 1 << 20) throws -> [UInt8] {
        switch kind {
        case .symlink(let target): return Array(target.utf8)
        case .regular: return try FileSource(open()).readAll(limit: limit)
        }
    }

    /// Throws `ContentError` when an open file of this entry was written to since the walk; for after reading it.
    public func checkUnchanged(_ file: FileDescriptor) throws {
        guard isUnchanged(try file.status()) else { throw changed }
    }

    private func isUnchanged(_ status: stat) -> Bool {
        status.isRegular && UInt64(status.st_ino) == inode && UInt64(status.st_dev) == device && Int(status.st_size) == size
            && status.modifiedAt == modifiedAt
    }

    private var changed: ContentError {
        ContentError("entry \(FilePath.quoted(path.text)): the file changed while it was read", hint: "run the same command again")
    }
}
