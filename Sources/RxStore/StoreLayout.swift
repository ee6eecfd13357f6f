import Glibc
import RxModel
import RxPosix
import Synchronization

/// Where things are under a store's root. Source: Specs/05-store.
struct StoreLayout: Sendable {
    let root: String

    var catalog: String { "\(root)/catalog.sqlite" }
    /// Held by whoever opens the catalog, while it does what only one may do at a time.
    var catalogLock: String { "\(catalog).lock" }
    var blobs: String { "\(root)/blobs/sha256" }
    var staging: String { "\(root)/staging" }
    var uploads: String { "\(root)/uploads" }
    /// Held by every process that has the store open (shared), and by the one that repairs it.
    var freshLock: String { "\(root)/fresh.lock" }
    /// Held by the process that collects.
    var collectLock: String { "\(root)/collect.lock" }
    /// Where the scrub of the store is, and what the one process holds that does it.
    var scrub: String { "\(root)/scrub.json" }
    var scrubLock: String { "\(root)/scrub.lock" }
    var trash: String { "\(root)/trash" }
    var damaged: String { "\(root)/damaged" }
    var cache: String { "\(root)/cache" }
    var archives: String { "\(cache)/archives" }
    var partials: String { "\(cache)/partial" }

    /// The file of one upload.
    func upload(_ name: String) -> String { "\(uploads)/\(name)" }

    /// The folder of one blob: its first two digits.
    func folder(_ digest: Digest) -> String { "\(blobs)/\(digest.hex.prefix(2))" }

    /// The file of one blob.
    func blob(_ digest: Digest) -> String {
        let hex = digest.hex
        return "\(blobs)/\(hex.prefix(2))/\(hex)"
    }

    /// Opens a blob's file to read it. It may be what others put there: waits for nobody at the other end of a FIFO, and follows no symlink. Throws
    /// `PosixError`.
    func open(_ digest: Digest) throws(PosixError) -> FileDescriptor {
        try FileDescriptor.open(blob(digest), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }

    /// Gives a verified file its blob's name, over whatever is there: a folder, which no file can replace, is moved into damaged/. Throws
    /// `PosixError`.
    func put(_ file: String, as digest: Digest) throws(PosixError) {
        let path = blob(digest)
        do { try Files.rename(file, to: path) } catch {
            guard error.errno == EISDIR else { throw error }
            try setAside(digest)
            try Files.rename(file, to: path)
        }
    }

    /// Moves what has a blob's name into damaged/. Throws `PosixError`.
    func setAside(_ digest: Digest) throws(PosixError) {
        try Files.makeFolders(damaged)
        try Files.rename(blob(digest), to: "\(damaged)/\(digest.hex).\(RandomName.make())")
    }

    /// Makes the folders that are missing. Throws `RegistryError` on a file system that cannot keep the store's promises.
    func prepare() throws {
        try Files.makeFolders(root)
        if let network = FileSystem.unsuitable(root) {
            throw RegistryError(
                "the store \(root) is on \(network), where locks and syncs cannot be relied on", code: .storeUnusable,
                hint: "put it on a local file system (RX_HOME, or --data for the server)")
        }
        for folder in [staging, uploads, trash, archives] where !Files.isFolder(folder) { try Files.makeFolders(folder) }
        let present = Files.isFolder(blobs) ? Set(try Files.names(in: blobs)) : []
        let missing = StoreLayout.prefixes.filter { !present.contains($0) }
        guard !missing.isEmpty else { return }
        for prefix in missing { try Files.makeFolders("\(blobs)/\(prefix)") }
        for folder in [blobs, "\(root)/blobs", root, "\(root)/.."] { try Files.syncFolder(folder) }
    }

    /// The names of the folders that blobs are spread over.
    static let prefixes = (0..<256).map { Hex.text(CollectionOfOne(UInt8($0))) }

    /// What changes when a damaged blob's file is set aside: the time (nanoseconds) of the last change in the folder for them; nil while
    /// there is none.
    func damages() throws -> Int? {
        try Files.status(damaged).map { $0.st_mtim.tv_sec * 1_000_000_000 + $0.st_mtim.tv_nsec }
    }

    /// Whether a blob's file is there with this length.
    func holds(_ digest: Digest, size: Int) throws -> Bool { try state(of: StagedBlob(digest: digest, size: size)) != nil }

    /// What a blob's file looks like; nil when it is not there with this length.
    func state(of blob: StagedBlob) throws -> FileState? {
        guard let status = try Files.status(self.blob(blob.digest)), status.isRegular, Int(status.st_size) == blob.size else { return nil }
        return FileState(status)
    }

    /// From how many blobs on their files are looked for by several threads.
    private static let manyBlobs = 512
    /// How many threads look.
    private static let lookingThreads = 2

    /// What a look at the files of many blobs finds.
    struct Look {
        /// Those whose file is not there with the right length.
        var absent: Set<Digest> = []
        /// Those whose file was written to since it was put, perhaps.
        var written: [StagedBlob] = []
    }

    /// Looks at the files of `blobs`. They come in the order of their digests, so that each folder is opened once.
    func look(at blobs: [StagedBlob]) throws -> Look {
        let threads = blobs.count < StoreLayout.manyBlobs ? 1 : StoreLayout.lookingThreads
        let whole = Mutex(Look())
        try WorkerPool.forEach(0..<threads, threads: threads) { part in
            let found = try lookHere(blobs[(blobs.count * part / threads)..<(blobs.count * (part + 1) / threads)])
            whole.withLock { whole in
                whole.absent.formUnion(found.absent)
                whole.written += found.written
            }
        }
        return whole.withLock { $0 }
    }

    private func lookHere(_ blobs: ArraySlice<StagedBlob>) throws -> Look {
        var (path, look) = ("", Look())
        var opened: OpenFolder?
        for blob in blobs {
            let needed = folder(blob.digest)
            if needed != path {
                path = needed
                do { opened = try OpenFolder(needed) } catch { if error.isMissing { opened = nil } else { throw error } }
            }
            if let status = try opened?.status(blob.digest.hex), status.isRegular, Int(status.st_size) == blob.size {
                if FileState(status).isWrittenLast { look.written.append(blob) }
            } else {
                look.absent.insert(blob.digest)
            }
        }
        return look
    }
}
