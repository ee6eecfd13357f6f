import Glibc
import RxArchive
import RxModel
import RxPosix
import RxStore
import Synchronization

/// The archives that resources are downloaded as: built once, kept as files up to a total size, the longest unused going first.
///
/// A file's name is its manifest's digest and its bytes follow from it, so several processes may share the folder, and anybody may
/// delete from it at any time.
final class ArchiveCache: Sendable {
    typealias Completion = @Sendable (Result<FileDescriptor, any Error>) -> Void

    private let folder: String
    private let limit: Int
    private let store: any Store
    /// Who waits for an archive that is being built.
    private let flights = Mutex<[Digest: [Completion]]>([:])
    private let cancelled = Atomic<Bool>(false)

    /// Keeps at most `limit` bytes in `folder`, which is made when it is missing.
    init(folder: String, limit: Int, store: any Store) {
        self.folder = folder
        self.limit = limit
        self.store = store
    }

    /// Gives the archive of a resource, open for reading. Blocks while it builds; a caller that comes while another builds the same
    /// one is answered by that one, later.
    func archive(of record: ResourceRecord, _ completion: @escaping Completion) {
        let digest = record.manifestDigest
        if let file = opened(digest) { return completion(.success(file)) }
        let first = flights.withLock { flights in
            defer { flights[digest, default: []].append(completion) }
            return flights[digest] == nil
        }
        guard first else { return }
        let result = Result { try self.opened(digest) ?? build(record) }
        let waiting = flights.withLock { $0.removeValue(forKey: digest) } ?? []
        for each in waiting { each(result) }
    }

    /// Ends the builds that are under way; they fail.
    func cancel() { cancelled.store(true, ordering: .relaxed) }

    private func path(_ digest: Digest) -> String { "\(folder)/\(digest.hex).tar.gz" }

    private func opened(_ digest: Digest) -> FileDescriptor? {
        guard let file = try? FileDescriptor.open(path(digest), O_RDONLY) else { return nil }
        // The time of last use. It is only for choosing what goes first, so failing is fine.
        futimens(file.number, nil)
        return file
    }

    private func build(_ record: ResourceRecord) throws -> FileDescriptor {
        let manifest = try store.manifest(of: record)
        try Files.makeFolders(folder)
        let aside = "\(folder)/\(RandomName.make())\(ArchiveCache.unfinished)"
        do {
            let file = try FileDescriptor.open(aside, O_RDWR | O_CREAT | O_EXCL, mode: 0o644)
            let sink = CancellableSink(BufferedSink(FileSink(file)), cancelled: { self.cancelled.load(ordering: .relaxed) })
            try ArchiveCache.reportingDamage { try writeArchive(files: manifest.files, to: sink) { try store.open($0) } }
            try sink.flush()
            // Without the sync a power cut could leave a short file under a name that promises a whole one.
            try file.sync()
            try Files.rename(aside, to: path(record.manifestDigest))
            evict()
            return file
        } catch {
            _ = try? Files.remove(aside)
            throw error
        }
    }

    /// A blob of a committed manifest that is missing or has other bytes is a fault of this store, not of the request.
    private static func reportingDamage(_ body: () throws -> Void) throws {
        do { try body() } catch let error as any ResourceError where error is ContentError || error.code == .blobUnknown {
            throw ContentError(error.message, code: .contentDamaged, hint: "publish the resource again to repair it")
        }
    }

    private static let unfinished = ".part"
    /// Nobody writes to a file this long without a change, in seconds.
    private static let abandonedAfter = 3600

    /// Deletes the longest unused archives until the rest fits, and what killed processes left.
    private func evict() {
        guard let names = try? Files.names(in: folder) else { return }
        var kept: [(path: String, size: Int, usedAt: Int)] = []
        for name in names {
            let path = "\(folder)/\(name)"
            guard let status = try? Files.status(path), status.isRegular else { continue }
            if name.hasSuffix(ArchiveCache.unfinished) {
                if Clock.now - status.st_mtim.tv_sec > ArchiveCache.abandonedAfter { _ = try? Files.remove(path) }
            } else {
                kept.append((path, Int(status.st_size), status.modifiedAt))
            }
        }
        var total = kept.reduce(0) { $0 + $1.size }
        kept.sort { $0.usedAt < $1.usedAt }
        for archive in kept where total > limit {
            if (try? Files.remove(archive.path)) != nil { total -= archive.size }
        }
    }
}

/// Writes on until it is told to stop.
private final class CancellableSink: ByteSink {
    private let sink: BufferedSink
    private let cancelled: () -> Bool

    init(_ sink: BufferedSink, cancelled: @escaping () -> Bool) {
        self.sink = sink
        self.cancelled = cancelled
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if cancelled() { throw RegistryError("the server is stopping", code: .overloaded, hint: "try again in a moment") }
        try sink.write(bytes)
    }

    func flush() throws { try sink.flush() }
}
