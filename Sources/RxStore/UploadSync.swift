import Glibc
import RxPosix
import Synchronization

/// Makes uploads that end at the same time durable together. Source: Specs/05-store, STO-036.
final class UploadSync: Sendable {
    /// A file of up to this length is synced with others; a longer one would keep them waiting.
    static let smallSize = 1 << 20

    private let files: GroupSync<FileDescriptor>
    private let entries: GroupSync<Set<String>>

    /// `catalog` is the store's.
    init(_ catalog: Catalog) {
        files = GroupSync { files in
            // All are on their way before the first is waited for.
            for file in files { file.startWriting(0..<0) }
            for file in files { try file.sync() }
        }
        entries = GroupSync { folders in
            for folder in Set(folders.joined()) { try Files.syncFolder(folder) }
            try catalog.sync()
        }
    }

    /// Returns when the bytes of a file of this length are durable.
    func sync(_ file: FileDescriptor, size: Int) throws {
        if size <= UploadSync.smallSize { try files.wait(for: file) } else { try file.sync() }
    }

    /// Returns when every transaction that ended before is durable, and a folder's entries if one is given.
    func sync(folder: String?) throws { try sync(folders: folder.map { [$0] } ?? []) }

    /// The same for several folders, or none.
    func sync(folders: Set<String>) throws { try entries.wait(for: folders) }
}
