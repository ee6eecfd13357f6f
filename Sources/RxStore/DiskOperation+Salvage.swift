import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

extension DiskOperation {
    func salvage(_ wanted: [Digest: Int]) throws -> Set<Digest> {
        guard !wanted.isEmpty else { return [] }
        let search = SalvageSearch(wanted)
        // A folder's lock is held until all its files were looked at: meanwhile it belongs to nobody else, and to no collection.
        for dead in try StagingFolder.takeAbandoned(in: layout.staging) {
            // The file that is locked stays: without it the folder would be taken for one that nobody looks through.
            let files = try Files.tree(dead.path).filter { $0 != dead.lock.path }
            try WorkerPool.forEach(0..<files.count, threads: Host.processors) { [self] index in
                guard let blob = try search.match(files[index]) else { return }
                try adopt(files[index], as: blob)
                try renewLeases()
            }
            if search.isOver { break }
        }
        return search.found
    }

    func partial(_ digest: Digest, size: Int) throws -> (any PartialBlob)? {
        try Files.makeFolders(layout.partials)
        return try DiskPartial("\(layout.partials)/\(digest.hex)", digest, size: size) { [self] in try adopt($0, as: $1) }
    }
}

/// Which files of dead operations are wanted. Safe to use from several threads.
private final class SalvageSearch: Sendable {
    private struct State {
        var missing: [Digest: Int]
        var sizes: [Int: Int] = [:]
        var found: Set<Digest> = []
    }

    private let state: Mutex<State>

    init(_ wanted: [Digest: Int]) {
        var state = State(missing: wanted)
        for size in wanted.values { state.sizes[size, default: 0] += 1 }
        self.state = Mutex(state)
    }

    var found: Set<Digest> { state.withLock { $0.found } }
    var isOver: Bool { state.withLock { $0.missing.isEmpty } }

    /// The blob that a file holds, when it is one that is still missing: only one of a length that is looked for is read.
    func match(_ path: String) throws -> StagedBlob? {
        guard let status = try Files.status(path), status.isRegular, state.withLock({ $0.sizes[Int(status.st_size)] ?? 0 > 0 }) else {
            return nil
        }
        let hasher = SHA256Hasher()
        try FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW).hash(into: hasher)
        let digest = hasher.finish()
        return state.withLock { state in
            guard let size = state.missing[digest], size == Int(status.st_size) else { return nil }
            state.missing[digest] = nil
            state.sizes[size]! -= 1
            state.found.insert(digest)
            return StagedBlob(digest: digest, size: size)
        }
    }
}
