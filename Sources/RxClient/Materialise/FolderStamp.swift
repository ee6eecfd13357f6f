import Glibc
import RxModel
import RxPosix

/// What a file of a folder looks like from outside: while nothing of it changes, its content does not change either.
struct FolderStamp: Hashable, Sendable {
    /// Length in bytes.
    var size: Int
    /// Last change of the content, in nanoseconds since 1970.
    var modifiedAt: Int
    /// Last change of anything, in nanoseconds since 1970. A hard link to a blob has the blob's, which changes with every other link.
    var changedAt: Int
    /// The file's number on its device.
    var inode: UInt64

    /// What `lstat` said.
    init(_ status: stat) {
        size = Int(status.st_size)
        modifiedAt = status.modifiedAt
        changedAt = status.changedAt
        inode = UInt64(status.st_ino)
    }

    /// A stamp that was written down.
    init(size: Int, modifiedAt: Int, changedAt: Int, inode: UInt64) {
        self.size = size
        self.modifiedAt = modifiedAt
        self.changedAt = changedAt
        self.inode = inode
    }
}

/// What an entry of a folder is: its kind and its content.
struct EntryContent: Hashable, Sendable {
    /// What kind of entry it is.
    enum Kind: UInt8, Sendable { case file, executable, symlink }

    /// Its kind.
    let kind: Kind
    /// The SHA-256 of its bytes, or of a symlink's target.
    let digest: Digest
}

extension ResourceFile {
    /// What the file is in a folder.
    var content: EntryContent {
        EntryContent(kind: symlink != nil ? .symlink : executable ? .executable : .file, digest: digest)
    }
}

extension stat {
    /// The kind of entry that this is; nil for a folder and for what no resource has.
    var entryKind: EntryContent.Kind? {
        if isSymlink { return .symlink }
        guard isRegular else { return nil }
        return st_mode & S_IXUSR != 0 ? .executable : .file
    }
}
