import Glibc
import RxArchive
import RxModel
import RxPosix
import RxStore
import Synchronization

/// The archives that resources are downloaded as: built once, kept as files up to a total size, the longest unused going first.
///
/// A file's name is its manifest's digest and its bytes follow from it, so several processes may share the folder, and anybody may
/// delete from it at any time. What this process did not build, or somebody changed since, is compared with its seal before it is sent.
/// Source: Specs/05-store, "Serving".
final class ArchiveCache: Sendable {
    typealias Completion = @Sendable (Result<SealedArchive, any Error>) -> Void

    private let folder: String
    private let limit: Int
    private let store: any Store
    private let workers: Workers
    /// The archives that were right when they were built or looked at, by their manifests.
    private let trusted = TrustedFiles()
    /// Who waits for an archive that is being looked at or built.
    private let flights = Mutex<[Digest: [Completion]]>([:])

    /// Keeps at most `limit` bytes in `folder`, which is made when it is missing.
    init(folder: String, limit: Int, store: any Store, workers: Workers) {
        self.folder = folder
        self.limit = limit
        self.store = store
        self.workers = workers
    }

    /// Gives the archive of a resource, open for reading: at once, or later on another thread when it is looked at or built first. All who ask
    /// meanwhile are given the same. Fails with `RESOURCE_NOT_FOUND` when the resource is removed meanwhile.
    func archive(of record: ResourceRecord, _ completion: @escaping Completion) {
        let digest = record.manifestDigest
        if let archive = ready(record) { return completion(.success(archive)) }
        let first = flights.withLock { flights in
            defer { flights[digest, default: []].append(completion) }
            return flights[digest] == nil
        }
        guard first else { return }
        let taken = workers.long.submit { [self] in finish(digest, Result { try ready(record) ?? checked(digest) ?? build(record) }) }
        if !taken { finish(digest, .failure(Workers.stopping)) }
    }

    private func finish(_ digest: Digest, _ result: Result<SealedArchive, any Error>) {
        let waiting = flights.withLock { $0.removeValue(forKey: digest) } ?? []
        for each in waiting { each(result) }
    }

    /// The archive of a resource when it is there and known to be right.
    func ready(_ record: ResourceRecord) -> SealedArchive? {
        let digest = record.manifestDigest
        guard let file = try? FileDescriptor.open(path(digest), O_RDONLY), let state = try? FileState(contentOf: file),
            trusted.holds(digest, state)
        else { return nil }
        file.noteUse()
        return SealedArchive(trusted: file, size: state.size)
    }

    private func path(_ digest: Digest) -> String { "\(folder)/\(SealedArchive.name(digest))" }

    /// The archive that somebody else built, or changed; one that is wrong is deleted.
    private func checked(_ digest: Digest) throws -> SealedArchive? {
        guard let file = try? FileDescriptor.open(path(digest), O_RDONLY), let state = try? FileState(contentOf: file) else { return nil }
        let archive = try SealedArchive(file, of: digest) { try workers.check() }
        // What was changed while it was read may be anything.
        guard let archive, try FileState(contentOf: file) == state else {
            Files.discard(path(digest))
            return nil
        }
        trusted.note(digest, state)
        file.noteUse()
        return archive
    }

    private func build(_ record: ResourceRecord) throws -> SealedArchive {
        try workers.check()
        let manifest: ResourceManifest
        do { manifest = try store.manifest(of: record) } catch {
            try checkPresent(record)
            throw error
        }
        // A collection leaves the blobs alone as long as they are leased, also when the resource is removed now.
        let lease = try store.begin()
        defer { lease.cancel() }
        let blobs = manifest.blobs
        if try lease.lease(blobs).count < blobs.count { try checkPresent(record) }
        try Files.makeFolders(folder)
        let aside = "\(folder)/\(RandomName.make())\(ArchiveCache.unfinished)"
        do {
            let file = try FileDescriptor.open(aside, O_RDWR | O_CREAT | O_EXCL, mode: 0o644)
            let sealing = SealingSink(FileSink(file), of: record.manifestDigest)
            let sink = BufferedSink(sealing)
            try ArchiveCache.reportingDamage {
                try writeArchive(files: manifest.files, to: CancellableSink(sink, workers)) { try store.open($0) }
            }
            try sink.flush()
            let archive = try SealedArchive(file, writtenBy: sealing)
            // Without the sync a power cut could leave a short file under a name that promises a whole one.
            try file.sync()
            // Somebody who clears the cache away may take the file meanwhile; its bytes are still there for those who wait.
            do throws(PosixError) { try Files.rename(aside, to: path(record.manifestDigest)) } catch {
                guard error.errno == ENOENT else { throw error }
            }
            trusted.note(record.manifestDigest, try FileState(contentOf: file))
            // Building may have taken long.
            file.noteUse()
            evict()
            return archive
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

    /// Throws `RESOURCE_NOT_FOUND` when the resource was removed meanwhile.
    private func checkPresent(_ record: ResourceRecord) throws {
        let reference = record.reference
        guard
            try store.resolve(registry: reference.registry, repository: reference.repository, selector: .digest(record.manifestDigest))
                != nil
        else { throw RegistryError.resourceNotFound }
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
                kept.append((path, Int(status.st_size), status.usedAt))
            }
        }
        var total = kept.reduce(0) { $0 + $1.size }
        kept.sort { $0.usedAt < $1.usedAt }
        for archive in kept where total > limit {
            if (try? Files.remove(archive.path)) != nil { total -= archive.size }
        }
    }
}
