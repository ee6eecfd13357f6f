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
        for name in try Files.names(in: parent) where name.hasPrefix(RunFolder.prefix) {
            let path = "\(parent)/\(name)"
            guard let other = try? FileDescriptor.open(path, O_RDONLY | O_DIRECTORY), flock(other.number, LOCK_EX | LOCK_NB) == 0 else {
                continue
            }
            try? Files.removeTree(path)
        }
        let name = "\(RunFolder.prefix)\(RandomName.make())"
        path = "\(parent)/\(name)"
        leftover = Interruption.Leftover(path)
        // It has its name when it is locked: until then others would take it for a dead one's.
        let early = "\(parent)/new-\(name)"
        try Files.makeFolders(early)
        lock = try FileDescriptor.open(early, O_RDONLY | O_DIRECTORY)
        _ = try retrying("flock", early) { flock(lock.number, LOCK_EX) }
        try Files.rename(early, to: path)
    }

    deinit { try? Files.removeTree(path) }
}
