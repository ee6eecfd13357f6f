import Glibc
public import RxModel
import RxCrypto
import RxPosix

/// The store on disk: blobs as read-only files, manifests and tags in SQLite. Any number of processes may use one folder at once.
///
/// Source: Specs/05-store.
public final class DiskStore: Store {
    let layout: StoreLayout
    let catalog: Catalog
    /// How long a lease lasts, in seconds.
    let leaseTime: Int

    /// The folder that holds the store.
    public var root: String { layout.root }
    /// Where derived archives are kept; may be emptied at any time.
    public var archiveCache: String { layout.archives }
    /// Where temporary files may be made on the store's own file system.
    public var stagingFolder: String { layout.staging }

    /// Opens the store in `root`, makes it when it is absent, and repairs what a killed collection left.
    ///
    /// Throws `RegistryError` for a catalog of a newer version, a damaged one, or a network file system; `PosixError` otherwise.
    public init(at root: String, leaseTime: Int = 3600) throws {
        layout = StoreLayout(root: root)
        self.leaseTime = leaseTime
        try layout.prepare()
        catalog = try Catalog(path: layout.catalog)
        try recover()
    }

    public func size(of digest: Digest) throws -> Int {
        let size = try catalog.read { database in
            try database.first("SELECT size FROM blobs WHERE digest = ?", .digest(digest)) { $0.int(0) }
        }
        guard let size, let status = try Files.status(layout.blob(digest)), Int(status.st_size) == size else {
            throw RegistryError.blobNotFound(digest)
        }
        return size
    }

    public func open(_ digest: Digest) throws -> any ByteSource {
        let size = try size(of: digest)
        let file: FileSource
        do { file = try FileSource(path: layout.blob(digest)) } catch {
            if error.isMissing { throw RegistryError.blobNotFound(digest) } else { throw error }
        }
        return VerifyingSource(file, digest: digest, size: size)
    }

    public func version() throws -> Int { try catalog.version() }

    public func begin() throws -> any StoreOperation { try DiskOperation(layout: layout, catalog: catalog, leaseTime: leaseTime) }

    /// Puts back what a collection had moved aside but not yet forgotten, and deletes the rest. Idempotent; may be killed.
    private func recover() throws {
        guard try !Files.names(in: layout.trash).isEmpty else { return }
        try catalog.write { database, _ in
            for name in try Files.names(in: layout.trash) {
                // A collection that is just finishing may delete its own file meanwhile; that file has no row.
                let aside = "\(layout.trash)/\(name)"
                guard let digest = Digest(hex: name.prefix(64)),
                    let size = try database.first("SELECT size FROM blobs WHERE digest = ?", .digest(digest), map: { $0.int(0) })
                else {
                    try Files.remove(aside)
                    continue
                }
                if let present = try Files.status(layout.blob(digest)), Int(present.st_size) == size {
                    try Files.remove(aside)
                } else {
                    try Files.rename(aside, to: layout.blob(digest))
                }
            }
        }
    }
}
