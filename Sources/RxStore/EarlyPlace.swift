import Glibc
import RxModel
import RxPosix

/// An upload's file under its blob's name before it is synced, so that one write of the file system's journal makes both durable.
///
/// Nobody believes a blob's file without its row. The file is locked from before it has the name until the row is committed, which is how a
/// collection knows it from what a killed process left. Source: Specs/05-store, STO-037.
struct EarlyPlace {
    private let file: FileDescriptor
    private let blob: StagedBlob
    private let store: DiskStore

    /// Gives a locked file the name of its blob. Nil when there is a row or a file of that name: what others may believe in is only replaced by
    /// what is durable.
    init?(_ file: FileDescriptor, _ blob: StagedBlob, _ store: DiskStore) throws {
        self.file = file
        self.blob = blob
        self.store = store
        // A row that came between the look and the rename would make others believe in the file.
        let isPlaced = try store.catalog.exclusively { database in
            guard try !database.hasBlob(blob.digest) else { return false }
            return try Files.rename(file.path, toNew: store.layout.blob(blob.digest))
        }
        guard isPlaced else { return nil }
        do { _ = try retrying("fchmod", file.path) { fchmod(file.number, 0o444) } } catch {
            leave()
            throw error
        }
    }

    /// Whether the name still is this file's. Asked inside a write transaction, in which nobody else renames.
    func isOwn() throws -> Bool {
        guard let present = try Files.status(store.layout.blob(blob.digest)) else { return false }
        let own = try file.status()
        return present.st_ino == own.st_ino && present.st_dev == own.st_dev
    }

    /// Takes the name away again unless somebody else has put the blob meanwhile. What cannot be taken away now is an orphan.
    func leave() {
        try? store.catalog.exclusively { database in
            guard try !database.hasBlob(blob.digest), try isOwn() else { return }
            try Files.remove(store.layout.blob(blob.digest))
        }
    }
}
