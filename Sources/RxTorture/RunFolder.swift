import Glibc
import RxPosix

/// The folder of one run, which is gone after it, however it ends: one that was killed leaves its own to the next run beside it.
package final class RunFolder: Sendable {
    private static let prefix = "rx-torture-"

    /// Where it is.
    package let path: String
    /// Open, and locked, as long as the run lasts.
    private let lock: FileDescriptor
    private let leftover: Interruption.Leftover

    /// Makes it in `parent`, and removes those there whose runs are dead. Throws `PosixError`.
    package init(in parent: String) throws {
        try Files.makeFolders(parent)
        for name in try Files.names(in: parent) {
            let path = "\(parent)/\(name)"
            guard name.hasPrefix(RunFolder.prefix) || RunFolder.isUnborn(path, name) else { continue }
            guard let other = try? FileDescriptor.open(path, O_RDONLY | O_DIRECTORY), flock(other.number, LOCK_EX | LOCK_NB) == 0 else {
                continue
            }
            try? Files.removeTree(path)
        }
        let name = "\(RunFolder.prefix)\(RandomName.make())"
        path = "\(parent)/\(name)"
        leftover = Interruption.Leftover(path)
        // It has its name when it is locked: until then others would take it for a dead one's.
        let early = "\(parent)/\(RunFolder.unborn)\(name)"
        try Files.makeFolders(early)
        lock = try FileDescriptor.open(early, O_RDONLY | O_DIRECTORY)
        _ = try retrying("flock", early) { flock(lock.number, LOCK_EX) }
        try Files.rename(early, to: path)
    }

    /// In front of the name of one that has no lock yet.
    private static let unborn = "new-"
    /// A run has its lock within so many seconds.
    private static let birth = 60

    /// Whether a folder was made by a run that was killed before it had its lock.
    private static func isUnborn(_ path: String, _ name: String) -> Bool {
        guard name.hasPrefix(unborn + prefix), let status = try? Files.status(path) else { return false }
        return Clock.now - status.st_mtim.tv_sec > birth
    }

    deinit { try? Files.removeTree(path) }
}
