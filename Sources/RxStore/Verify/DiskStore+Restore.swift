import Glibc
import RxCrypto
import RxModel
import RxPosix

extension DiskStore {
    /// Puts those of lost blobs into their places whose bytes are somewhere in the store: in the catalog, in a manifest, or aside.
    func restore(_ lost: [LostBlob]) throws {
        let operation = try begin()
        defer { operation.cancel() }
        var isStaged = false
        for each in lost {
            guard let source = try bytes(of: each) else { continue }
            _ = try operation.stage(source, expecting: each.blob.digest)
            isStaged = true
        }
        if isStaged { try operation.publish() }
    }

    private func bytes(of lost: LostBlob) throws -> (any ByteSource)? {
        let digest = lost.blob.digest
        if digest == ResourceManifest.emptyConfigDigest { return BytesSource(ResourceManifest.emptyConfig) }
        let fresh = try catalog.read { database in
            try database.first("SELECT bytes FROM fresh WHERE digest = ?", .digest(digest)) { $0.blob(0) }
        }
        if let fresh, sha256(fresh) == digest { return BytesSource(fresh) }
        for place in lost.places {
            guard
                let stored = try? artifact(registry: place.registry, repository: place.repository, name: .digest(.sha256(place.manifest))),
                let artifact = try? Artifact(parsing: stored.bytes, mediaType: stored.mediaType, repository: place.repository),
                let bytes = artifact.inlined[.sha256(digest)]
            else { continue }
            return BytesSource(bytes)
        }
        return try aside(lost.blob)
    }

    /// A file in damaged/ that has the blob's bytes after all: what could not be read for a while.
    private func aside(_ blob: StagedBlob) throws -> (any ByteSource)? {
        guard Files.isFolder(layout.damaged) else { return nil }
        for name in try Files.names(in: layout.damaged) where name.hasPrefix(blob.digest.hex) {
            guard let file = try? FileDescriptor.open("\(layout.damaged)/\(name)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
                let status = try? file.status(), status.isRegular, Int(status.st_size) == blob.size,
                (try? VerifyingSource(FileRangeSource(file), digest: blob.digest, size: blob.size).readToEnd()) != nil
            else { continue }
            return FileRangeSource(file)
        }
        return nil
    }

    /// Writes a row for a blob whose file is there and right, once the file is durable. False when it is not.
    func adoptOrphan(_ blob: StagedBlob) throws -> Bool {
        guard try look(at: blob, hashing: true) == nil, let file = try? layout.open(blob.digest) else {
            return false
        }
        let inode = try file.status().st_ino
        try file.sync()
        try Files.syncFolder(layout.folder(blob.digest))
        return try catalog.write { database, now in
            // A collection may have taken it for an orphan meanwhile.
            guard let present = try Files.status(file.path), present.st_ino == inode else { return false }
            try database.putBlob(blob, now: now)
            return true
        }
    }
}
