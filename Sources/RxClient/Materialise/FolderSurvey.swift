import Glibc
import RxCrypto
import RxModel
import RxPosix
import Synchronization

/// Looks at what is in a folder: one `lstat` for each path and each folder above it, none of them through a symlink.
struct FolderSurvey {
    /// How many paths a thread looks at before it asks for more.
    private static let batch = 256

    let root: OpenFolder

    /// What is at each of the paths.
    func look(at paths: [FilePath]) throws -> [PresentEntry] {
        let blocked = try foldersMissing(above: paths)
        let found = Mutex<[Int: [PresentEntry]]>([:])
        let batches = (paths.count + FolderSurvey.batch - 1) / FolderSurvey.batch
        try WorkerPool.forEach(0..<batches, threads: Host.processors) { number in
            let range = number * FolderSurvey.batch..<min(paths.count, (number + 1) * FolderSurvey.batch)
            let part = try paths[range].map { path in
                if !blocked.isEmpty, let parent = path.parent, let reason = blocked[parent] { return reason }
                return try present(path)
            }
            found.withLock { $0[number] = part }
        }
        let parts = found.withLock { $0 }
        return (0..<batches).flatMap { parts[$0]! }
    }

    /// What a file or symlink holds; nil when it is neither any more.
    func content(of path: FilePath) throws -> EntryContent? {
        guard let status = try root.status(path.text), let kind = status.entryKind else { return nil }
        let folder = try path.parent.map { try root.folder($0.text) } ?? root
        let name = path.lastName
        guard kind != .symlink else {
            return EntryContent(kind: .symlink, digest: sha256(try folder.target(ofSymlink: name)))
        }
        // A pipe put in the file's place meanwhile must not be waited for.
        let file = try folder.open(name, O_RDONLY | O_NONBLOCK)
        let hasher = SHA256Hasher()
        return try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            while case let count = try file.read(into: buffer, "\(root.path)/\(path)"), count > 0 {
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return EntryContent(kind: kind, digest: hasher.finish())
        }
    }

    /// Whether a folder holds anything but the given paths and folders above them.
    func holdsOthers(_ folder: FilePath, than own: Set<FilePath>) throws -> Bool {
        let folders = Set(FolderPlan.parents(of: Array(own)))
        for name in try Files.names(in: "\(root.path)/\(folder)") {
            let path = FilePath(unchecked: "\(folder)/\(name)")
            if own.contains(path) { continue }
            guard folders.contains(path), try root.status(path.text)?.isFolder == true else { return true }
            if try holdsOthers(path, than: own) { return true }
        }
        return false
    }

    /// The folders above the paths that are none, and what that means for what is in them.
    private func foldersMissing(above paths: [FilePath]) throws -> [FilePath: PresentEntry] {
        var missing: [FilePath: PresentEntry] = [:]
        for folder in FolderPlan.parents(of: paths) {
            if let parent = folder.parent, let reason = missing[parent] {
                missing[folder] = reason
            } else if let status = try root.status(folder.text) {
                if !status.isFolder { missing[folder] = .blocked(by: folder) }
            } else {
                missing[folder] = .absent
            }
        }
        return missing
    }

    private func present(_ path: FilePath) throws -> PresentEntry {
        guard let status = try root.status(path.text) else { return .absent }
        if status.isFolder { return .folder }
        guard let kind = status.entryKind else { return .other }
        return .entry(kind, FolderStamp(status), isLinked: status.st_nlink > 1 && status.st_mode & 0o222 == 0)
    }
}
