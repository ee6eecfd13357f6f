import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Makes files from blobs in the cheapest way that is allowed: a hard link, a clone that shares the bytes, or a verified copy.
///
/// What a file system refuses once is not tried again. A link is one call and a look at its length; a copy of a small file is opening,
/// reading, making, writing, looking and closing twice. `copy_file_range` would save nothing: what is not cloned must be read to be hashed.
final class FileMaker: Sendable {
    /// A file that was made.
    struct Made: Sendable {
        var isLinked = false
        var isCloned = false
        let stamp: FolderStamp
    }

    /// What one thread works with.
    final class Lane {
        /// One byte more than the longest small file, so that one call reads all of it and sees its end.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: FileMaker.smallLimit + 1, alignment: 4096)
        let hasher = SHA256Hasher()

        deinit { buffer.deallocate() }
    }

    /// Files up to this length are read by one call, hashed, and written by one call.
    static let smallLimit = 128 << 10

    private let store: any Store
    private let blobs: BlobFolder?
    private let inlined: [Digest: [UInt8]]
    private let progress: any Progress
    private let hold: LateHold?
    private let mayLink: Atomic<Bool>
    private let mayClone: Atomic<Bool>

    /// Makes files from what `store` holds; those whose bytes are `inlined` need no blob.
    init(store: any Store, inlined: [Digest: [UInt8]], link: Bool, hold: LateHold?, progress: any Progress) throws {
        self.store = store
        self.inlined = inlined
        self.progress = progress
        self.hold = hold
        blobs = try store.blobFolder
        mayLink = Atomic(link)
        mayClone = Atomic(true)
    }

    /// Makes a file or symlink that is not there yet. Throws `ContentError` or `RegistryError` for a damaged or missing blob, `PosixError`
    /// otherwise; what was begun is the caller's to remove.
    func make(_ file: ResourceFile, as name: String, in folder: OpenFolder, _ lane: Lane) throws -> Made {
        // Nothing new is made in a folder that an interruption is about to remove.
        Interruption.settle()
        try hold?.isNeeded()
        if let target = file.symlink {
            try folder.makeSymlink(name, to: target)
            progress.advance(file.size, files: 1)
            return Made(stamp: try FileMaker.stamp(name, in: folder))
        }
        if let bytes = inlined[file.digest] { return try write(file, as: name, in: folder, from: BytesSource(bytes), lane) }
        guard let blobs else { return try write(file, as: name, in: folder, from: store.open(file.digest), lane) }
        if !file.executable, mayLink.load(ordering: .relaxed), let made = try link(file, as: name, in: folder, blobs) { return made }
        return try copy(file, as: name, in: folder, blobs, lane)
    }

    /// Reads a blob to its end, so that a damaged one is set aside before anybody gets a link to it. Throws as reading the store does.
    func verify(_ file: ResourceFile) throws {
        guard file.symlink == nil, inlined[file.digest] == nil else { return }
        try copyBytes(from: try store.open(file.digest), to: NullSink())
    }

    private func link(_ file: ResourceFile, as name: String, in folder: OpenFolder, _ blobs: BlobFolder) throws -> Made? {
        do {
            try folder.link(blobs.name(file.digest), in: blobs.folder, as: name)
        } catch {
            switch error.errno {
            // This blob has as many names as it may have.
            case EMLINK: return nil
            case EXDEV, EPERM, EACCES, ENOSYS, EOPNOTSUPP:
                mayLink.store(false, ordering: .relaxed)
                return nil
            case ENOENT: throw RegistryError.blobNotFound(file.digest)
            default: throw error
            }
        }
        guard let status = try folder.status(name) else { throw PosixError("lstat", "\(folder.path)/\(name)", errno: ENOENT) }
        guard status.isRegular else {
            // Something else has the blob's name.
            try folder.remove(name)
            throw RegistryError.blobNotFound(file.digest)
        }
        let stamp = FolderStamp(status)
        try checkSize(file, stamp)
        progress.advance(file.size, files: 1)
        return Made(isLinked: true, stamp: stamp)
    }

    private func copy(_ file: ResourceFile, as name: String, in folder: OpenFolder, _ blobs: BlobFolder, _ lane: Lane) throws -> Made {
        func path() -> String { "\(folder.path)/\(name)" }
        func blobPath() -> String { "\(blobs.folder.path)/\(blobs.name(file.digest))" }
        let source: OpenFile
        do { source = try blobs.folder.open(blobs.name(file.digest), O_RDONLY | O_NONBLOCK) } catch {
            if error.isMissing || error.isOfNoFile { throw RegistryError.blobNotFound(file.digest) } else { throw error }
        }
        // Read before anything is made: a small blob that is damaged leaves nothing.
        let clones = mayClone.load(ordering: .relaxed)
        let isSmall = file.size <= FileMaker.smallLimit
        var count = 0
        if isSmall, !clones {
            count = try source.read(into: lane.buffer, blobPath())
            try check(file, size: count, UnsafeRawBufferPointer(rebasing: lane.buffer[..<count]), lane)
        }
        let target = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: file.executable ? 0o755 : 0o644)
        if clones {
            do {
                try target.clone(source, path())
                let stamp = FolderStamp(try target.status(path()))
                try checkSize(file, stamp)
                progress.advance(file.size, files: 1)
                return Made(isCloned: true, stamp: stamp)
            } catch let error as PosixError where error.call == "clone" {
                guard FileMaker.cannotClone.contains(error.errno) else { throw error }
                mayClone.store(false, ordering: .relaxed)
            }
            if isSmall {
                count = try source.read(into: lane.buffer, blobPath())
                try check(file, size: count, UnsafeRawBufferPointer(rebasing: lane.buffer[..<count]), lane)
            }
        }
        if isSmall {
            try target.write(UnsafeRawBufferPointer(rebasing: lane.buffer[..<count]), path())
            progress.advance(count, files: 1)
        } else {
            lane.hasher.reset()
            var size = 0
            while case let part = try source.read(into: lane.buffer, blobPath()), part > 0 {
                let bytes = UnsafeRawBufferPointer(rebasing: lane.buffer[..<part])
                lane.hasher.update(bytes)
                try target.write(bytes, path())
                size += part
                progress.advance(part, files: 0)
            }
            let digest = lane.hasher.finish()
            guard size == file.size, digest == file.digest else { throw damaged(file, got: digest) }
            progress.advance(0, files: 1)
        }
        return Made(stamp: FolderStamp(try target.status(path())))
    }

    /// What a file system, or a pair of them, that cannot share bytes answers.
    private static let cannotClone: Set = [EOPNOTSUPP, ENOTTY, EXDEV, EINVAL, ENOSYS, EPERM, EBADF]

    /// Makes a file that is not there yet, and that shares the bytes of the file at a path; nil, and no file, where that cannot be. Throws
    /// `PosixError`.
    static func clone(_ file: ResourceFile, as name: String, in folder: OpenFolder, _ source: String) throws -> Made? {
        func path() -> String { "\(folder.path)/\(name)" }
        let source = try OpenFile(reading: source)
        let target = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: file.executable ? 0o755 : 0o644)
        do { try target.clone(source, path()) } catch {
            guard cannotClone.contains(error.errno) else { throw error }
            try folder.remove(name)
            return nil
        }
        return Made(isCloned: true, stamp: FolderStamp(try target.status(path())))
    }

    /// Counts a file that is there already.
    func note(_ file: ResourceFile) { progress.advance(file.size, files: 1) }

    /// Makes a file that is not there yet from all its bytes. Throws `PosixError`.
    static func write(_ file: ResourceFile, as name: String, in folder: OpenFolder, _ bytes: UnsafeRawBufferPointer) throws -> Made {
        func path() -> String { "\(folder.path)/\(name)" }
        let target = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: file.executable ? 0o755 : 0o644)
        try target.write(bytes, path())
        return Made(stamp: FolderStamp(try target.status(path())))
    }

    private func write(_ file: ResourceFile, as name: String, in folder: OpenFolder, from source: any ByteSource, _ lane: Lane) throws
        -> Made
    {
        func path() -> String { "\(folder.path)/\(name)" }
        let target = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: file.executable ? 0o755 : 0o644)
        while case let count = try source.read(into: lane.buffer), count > 0 {
            try target.write(UnsafeRawBufferPointer(rebasing: lane.buffer[..<count]), path())
            progress.advance(count, files: 0)
        }
        progress.advance(0, files: 1)
        return Made(stamp: FolderStamp(try target.status(path())))
    }

    /// What an entry that is there looks like. Throws `PosixError`.
    static func stamp(_ name: String, in folder: OpenFolder) throws -> FolderStamp {
        guard let status = try folder.status(name) else { throw PosixError("lstat", "\(folder.path)/\(name)", errno: ENOENT) }
        return FolderStamp(status)
    }

    private func checkSize(_ file: ResourceFile, _ stamp: FolderStamp) throws {
        guard stamp.size == file.size else { throw damaged(file, got: nil) }
    }

    private func check(_ file: ResourceFile, size: Int, _ bytes: UnsafeRawBufferPointer, _ lane: Lane) throws {
        lane.hasher.reset()
        lane.hasher.update(bytes)
        let digest = lane.hasher.finish()
        guard size == file.size, digest == file.digest else { throw damaged(file, got: digest) }
    }

    /// The error for a blob that is not what it should be; the store sets it aside.
    private func damaged(_ file: ResourceFile, got digest: Digest?) -> any Error {
        do { try verify(file) } catch { return error }
        return ContentError(
            "the blob of \(FilePath.quoted(file.path.text)) changed while it was read, \(file.digest)", code: .contentDamaged,
            hint: digest == nil ? nil : "run the same command again")
    }
}

/// Takes bytes to nowhere.
private final class NullSink: ByteSink {
    func write(_ bytes: UnsafeRawBufferPointer) {}
}
