import Glibc
import RxModel
import RxPosix

/// A folder beside, or in, the one that is written, where everything is made before anything shows.
///
/// Its owner holds its lock as long as it lives, so that the next run for the same target tells what a killed one left.
final class AsideFolder {
    private static let mark = ".rx-"

    /// Where it is.
    let path: String
    /// The folder, open.
    let folder: OpenFolder
    private var isOver = false
    private var leftover: Interruption.Leftover?

    /// Makes `PREFIX.rx-<random>`.
    init(beside prefix: String) throws {
        while true {
            let path = "\(prefix)\(AsideFolder.mark)\(RandomName.make())"
            let leftover = Interruption.Leftover(path)
            try AsideFolder.make(path, beside: prefix)
            do throws(PosixError) {
                let folder = try OpenFolder(path)
                // Another run may have taken it for a dead one's before it was locked.
                if try folder.lock(waiting: false), try Files.status(path)?.st_ino == folder.descriptor.status().st_ino {
                    self.path = path
                    self.folder = folder
                    self.leftover = leftover
                    return
                }
            } catch {
                if error.isMissing { continue }
                try? Files.removeTree(path)
                throw error
            }
        }
    }

    private static func make(_ path: String, beside prefix: String) throws {
        do throws(PosixError) { try Files.makeFolders(path) } catch {
            guard [EACCES, EPERM, EROFS].contains(error.errno) else { throw error }
            // Nobody knows the folder aside, which never was.
            let folder = prefix.hasSuffix("/") ? Files.withoutEndingSlashes(prefix) : Files.folder(of: prefix)
            throw RegistryError(
                "nothing can be made in the folder \(folder): \(String(cString: strerror(error.errno)))", code: error.code,
                hint: "check its owner and permissions, or name a folder elsewhere", cause: error)
        }
    }

    deinit { remove() }

    /// Says that the folder is no longer an aside one: it was renamed.
    func keep() {
        isOver = true
        leftover = nil
    }

    /// Removes it with all that is in it; for clean-up, where another error matters more.
    func remove() {
        guard !isOver else { return }
        isOver = true
        try? Files.removeTree(path)
    }

    /// Removes what killed runs left beside a target.
    static func removeDead(beside target: String) {
        let name = target.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(target[target.utf8.index(after: $0)...]) } ?? target
        removeDead(in: Files.folder(of: target), prefix: name)
    }

    /// Removes what killed runs left in a folder, of targets with this name.
    static func removeDead(in folder: String, prefix: String) {
        guard let names = try? Files.names(in: folder) else { return }
        let start = Array("\(prefix)\(mark)".utf8)
        for name in names where name.utf8.starts(with: start) {
            var random = name.utf8.dropFirst(start.count)
            // One that was being removed when its run was ended.
            if random.count > 32, random.dropFirst(32).elementsEqual(Interruption.suffix.utf8) { random = random.prefix(32) }
            guard random.count == 32, random.allSatisfy({ Hex.value($0) != nil }), Files.status(kind: S_IFDIR, "\(folder)/\(name)"),
                let dead = try? OpenFolder("\(folder)/\(name)"), (try? dead.lock(waiting: false)) == true
            else { continue }
            try? Files.removeTree("\(folder)/\(name)")
        }
    }
}

extension Files {
    /// Whether a path is of this kind itself, not behind a symlink.
    fileprivate static func status(kind: mode_t, _ path: String) -> Bool {
        guard let status = try? status(path) else { return false }
        return status.st_mode & S_IFMT == kind
    }
}
