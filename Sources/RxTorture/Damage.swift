import Glibc
import RxModel
import RxPosix

extension Damage {
    /// Damages a file of a store that nobody has open; gives the digest of the blob that is damaged now, if it is one.
    func strike(_ store: String) throws -> Digest? {
        switch self {
        case .flippedBlob(let pick):
            guard let (path, digest) = try Damage.blob(of: store, pick), let size = try Damage.size(path), size > 0 else { return nil }
            try Damage.flip(path, at: pick % size)
            return digest
        case .cutBlob(let pick):
            guard let (path, digest) = try Damage.blob(of: store, pick), let size = try Damage.size(path), size > 0 else { return nil }
            try Damage.cut(path, to: pick % size)
            return digest
        case .spoiltLeftover(let pick):
            let files = try ["staging", "uploads", "cache"].filter { Files.isFolder("\(store)/\($0)") }.flatMap {
                try Files.tree("\(store)/\($0)")
            }.sorted()
            guard !files.isEmpty else { return nil }
            let path = files[pick % files.count]
            let size = try Damage.size(path) ?? 0
            switch pick / 7 % 3 {
            case 0: try Files.remove(path)
            case 1: try Damage.cut(path, to: size / 2)
            default: if size > 0 { try Damage.flip(path, at: pick % size) }
            }
            return nil
        }
    }

    private static func blob(of store: String, _ pick: Int) throws -> (String, Digest)? {
        guard Files.isFolder("\(store)/blobs/sha256") else { return nil }
        let paths = try Files.tree("\(store)/blobs/sha256").sorted()
        guard !paths.isEmpty else { return nil }
        let path = paths[pick % paths.count]
        return Digest(hex: path.suffix(64)).map { (path, $0) }
    }

    private static func size(_ path: String) throws -> Int? { try Files.status(path).map { Int($0.st_size) } }

    private static func flip(_ path: String, at offset: Int) throws {
        try makeWritable(path)
        let file = try FileDescriptor.open(path, O_RDWR)
        var byte: UInt8 = 0
        _ = pread(file.number, &byte, 1, off_t(offset))
        byte ^= 0x10
        _ = pwrite(file.number, &byte, 1, off_t(offset))
    }

    private static func cut(_ path: String, to size: Int) throws {
        try makeWritable(path)
        _ = try retrying("truncate", path) { truncate(path, off_t(size)) }
    }

    static func makeWritable(_ path: String) throws { _ = try retrying("chmod", path) { chmod(path, 0o644) } }
}
