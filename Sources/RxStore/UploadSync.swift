import Glibc
import RxPosix
import Synchronization

/// Makes uploads that end at the same time durable together. Source: Specs/05-store, STO-036.
final class UploadSync: Sendable {
    /// A file of up to this length is synced with others; a longer one would keep them waiting.
    static let smallSize = 1 << 20

    private let files: GroupSync<FileDescriptor>
    private let entries: GroupSync<Set<String>>

    /// `layout` is the store's.
    init(_ layout: StoreLayout) {
        files = GroupSync { files in
            // All are on their way before the first is waited for.
            for file in files { file.startWriting(0..<0) }
            for file in files { try file.sync() }
        }
        let log = CatalogLog(path: "\(layout.catalog)-wal")
        entries = GroupSync { folders in
            for folder in Set(folders.joined()) { try Files.syncFolder(folder) }
            try log.sync()
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

/// The file that SQLite writes commits to first. It is synced through a descriptor of its own: SQLite keeps no locks on that file, and what
/// was moved from it into the database was synced before. Source: SQLite, "Write-Ahead Logging".
private final class CatalogLog: Sendable {
    private struct State {
        var file: FileDescriptor?
        var failure: (any Error)?
    }

    private let path: String
    private let state = Mutex(State())

    init(path: String) { self.path = path }

    /// Throws `PosixError`; once that has happened nothing is believed to be durable any more, because a second sync may succeed without
    /// what the first one lost (fsync(2)).
    func sync() throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            do {
                let file = try state.file ?? FileDescriptor.open(path, O_RDWR)
                state.file = file
                try file.syncData()
            } catch {
                state.failure = error
                throw error
            }
        }
    }
}
