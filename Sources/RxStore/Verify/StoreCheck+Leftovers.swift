import Glibc
import RxChunks
import RxCrypto
import RxModel
import RxPosix

extension StoreCheck {
    /// Compares what is derived with what it was made from.
    func checkCaches() throws {
        try checkChunkIndexes()
        try checkArchives()
        try checkHashCache()
    }

    private func checkChunkIndexes() throws {
        let folder = "\(store.layout.cache)/chunks"
        for name in (try? Files.names(in: folder)) ?? [] {
            guard let digest = Digest(hex: name), let size = try? store.size(of: digest) else { continue }
            let path = "\(folder)/\(name)"
            func isRight() throws -> Bool {
                guard let records = try? Files.read(path, limit: ChunkIndex.countLimit * ChunkIndex.recordBytes) else { return true }
                guard let index = ChunkIndex(records: records, size: size) else { return false }
                guard options.sample == nil, let file = try? store.layout.open(digest) else { return true }
                return try StoreCheck.agrees(index, with: file)
            }
            if try !isRight() { derived(path, "the chunk index of blob \(digest) is wrong", digest) }
        }
    }

    /// Whether the chunks of an index are where it says. Where exactly a blob was cut does not matter.
    private static func agrees(_ index: ChunkIndex, with file: FileDescriptor) throws -> Bool {
        let hasher = SHA256Hasher()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: index.chunks.lazy.map(\.length).max() ?? 0, alignment: 16)
        defer { buffer.deallocate() }
        var offset = 0
        for chunk in index.chunks {
            var count = 0
            while count < chunk.length {
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<chunk.length])
                // The blob's own damage is found where blobs are looked at.
                guard let more = try? file.read(into: part, at: offset + count), more > 0 else { return true }
                count += more
            }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            guard ChunkIndex.id(hasher.finish()) == chunk.id else { return false }
            offset += count
        }
        return true
    }

    private func checkArchives() throws {
        guard options.sample == nil else { return }
        let folder = store.layout.archives
        for name in (try? Files.names(in: folder)) ?? [] {
            let path = "\(folder)/\(name)"
            guard let digest = SealedArchive.manifest(ofName: name), let file = try? FileDescriptor.open(path, O_RDONLY) else { continue }
            // One that is built anew meanwhile is another file.
            guard try SealedArchive(file, of: digest) == nil, try Files.status(path)?.st_ino == file.status().st_ino else { continue }
            derived(path, "the archive of manifest \(digest) has other bytes than it was built with", digest)
        }
    }

    private func checkHashCache() throws {
        let path = "\(store.layout.cache)/files.sqlite"
        guard try Files.status(path) != nil else { return }
        func isRight() -> Bool {
            do {
                let database = try Database(path: path)
                return try database.rows("PRAGMA quick_check(1)") { $0.text(0) } == ["ok"]
            } catch let error as RegistryError where error.code == .storeUnusable { return false } catch { return true }
        }
        guard !isRight() else { return }
        derived(path, "the hash cache is damaged", nil)
        if options.repairs { for suffix in ["-wal", "-shm"] { Files.discard(path + suffix) } }
    }

    /// Notes something derived that is wrong; deleted, it is made anew.
    private func derived(_ path: String, _ message: String, _ digest: Digest?) {
        let finding = Finding(.cache, message, digest: digest, path: path, advice: "delete it, or let rx verify --repair: it is made anew")
        if options.repairs { Files.discard(path) }
        found(options.repairs ? finding.repaired : finding)
    }

    /// Counts what is no damage.
    func countLeftovers() throws {
        let layout = store.layout
        left(.staging, try StagingFolder.abandoned(in: layout.staging).count)
        left(.trash, try Files.names(in: layout.trash).count)
        left(.uploads, try store.abandonedUploads(delete: false) + uploadsWithoutFile())
        left(.damaged, ((try? Files.names(in: layout.damaged)) ?? []).count)
        left(
            .leases,
            try catalog.read { database in
                try database.first(
                    """
                    SELECT count(*) FROM leases WHERE until > ? AND NOT (owner >= 'hold ' AND owner < 'hold!')
                        AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = leases.digest)
                    """, .integer(database.now())
                ) { $0.int(0) } ?? 0
            })
    }

    private func uploadsWithoutFile() throws -> Int {
        let names = try catalog.read { database in
            try database.rows("SELECT name FROM uploads WHERE until > ?", .integer(database.now())) { $0.text(0) }
        }
        return try names.filter { try Files.status(store.layout.upload($0)) == nil }.count
    }
}
