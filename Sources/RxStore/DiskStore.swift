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
    /// How long an upload waits for its next request, in seconds.
    let uploadTime: Int
    let uploadHashes = UploadHashes()
    let uploadSync: UploadSync
    let fresh: FreshBlobs
    let trustedFiles = TrustedFiles()

    /// The folder that holds the store.
    public var root: String { layout.root }

    /// Opens the store in `root`, makes it when it is absent, and repairs what a killed collection left.
    ///
    /// Throws `RegistryError` for a catalog of a newer version, a damaged one, or a network file system; `PosixError` otherwise.
    public init(at root: String, leaseTime: Int = 3600, uploadTime: Int = 24 * 3600) throws {
        let layout = StoreLayout(root: root)
        self.layout = layout
        self.leaseTime = leaseTime
        self.uploadTime = uploadTime
        try layout.prepare()
        do { catalog = try Catalog(path: layout.catalog) } catch let error as any ResourceError where error.code == .storageFull {
            // On a full disk not even a removal can begin: what is derived makes room.
            try Files.removeTree(layout.cache)
            try layout.prepare()
            catalog = try Catalog(path: layout.catalog)
        }
        uploadSync = UploadSync(catalog)
        fresh = try FreshBlobs(layout, catalog, leaseTime: leaseTime)
        try recover()
        try fresh.recover()
    }

    /// Throws `RegistryError` when a folder holds no store: opening it would make one there.
    public static func checkPresent(in root: String) throws {
        guard try Files.status(StoreLayout(root: root).catalog) == nil else { return }
        throw RegistryError(
            "there is no store in \(root)", code: .storeUnusable, hint: "name the folder of one, which holds catalog.sqlite")
    }

    public func size(of digest: Digest) throws -> Int {
        guard let size = try catalog.read({ try $0.blobSize(digest) }), try layout.holds(digest, size: size) else {
            throw RegistryError.blobNotFound(digest)
        }
        return size
    }

    public var blobFolder: BlobFolder? { get throws { BlobFolder(try OpenFolder(layout.blobs)) } }

    public func open(_ digest: Digest) throws -> any ByteSource {
        let size = try size(of: digest)
        let file: FileDescriptor
        do { file = try layout.open(digest) } catch {
            if error.isMissing || error.isOfNoFile { throw RegistryError.blobNotFound(digest) } else { throw error }
        }
        return VerifyingSource(FileSource(file), digest: digest, size: size) { [self] in setAside(digest, file) }
    }

    /// Moves a damaged blob's file into damaged/: nobody is told again that the blob is here, and the next put of it repairs it.
    /// A file that was put meanwhile stays.
    func setAside(_ digest: Digest, _ file: FileDescriptor) {
        _ = try? catalog.write { database, _ in
            guard let present = try Files.status(layout.blob(digest)), try file.status().st_ino == present.st_ino else { return }
            try setAside(digest, database)
        }
    }

    public func version() throws -> Int { try catalog.version() }

    public func begin() throws -> any StoreOperation { try DiskOperation(layout: layout, catalog: catalog, leaseTime: leaseTime, of: self) }

    public func begin(in repository: String) throws -> any BlobBatch { try RepositoryBatch(self, repository: repository) }
}
