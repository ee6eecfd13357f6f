import Glibc
import RxCrypto
import RxLoader
package import RxModel
import RxPosix

/// Views as their resources are, whatever programs did to them. Source: Specs/17-run, "Views".
extension ViewFolders {
    /// Takes out of a resource's view what is not the resource's: files of other bytes, and those that programs put there. What is taken and
    /// is a file of the resource appears anew when it is asked for. Gives the paths of what was in a file's place and is not that file: what
    /// programs put beside the files is no damage.
    @discardableResult
    package func restore(_ resource: OpenedResource) throws -> [FilePath] {
        guard Files.isFolder(resource.root) else { return [] }
        Files.discard("\(resource.root).files")
        try writeList(of: resource)
        var changed: [FilePath] = []
        try restore(try OpenFolder(resource.root), "", resource, &changed)
        return changed.sorted()
    }

    private func restore(_ folder: OpenFolder, _ path: String, _ resource: OpenedResource, _ changed: inout [FilePath]) throws {
        for name in try Files.names(in: folder.path) {
            guard let status = try folder.status(name) else { continue }
            let below = path.isEmpty ? name : "\(path)/\(name)"
            if status.isFolder, try resource.hasFolder(below) {
                try restore(try folder.folder(name), below, resource, &changed)
            } else if try !resource.isFile(below, status, name, in: folder) {
                if let path = try? FilePath(parsing: below), resource.tree.file(path) != nil || resource.tree.find(path) != nil {
                    changed.append(path)
                }
                if status.isFolder { try Files.removeTree("\(folder.path)/\(name)") } else { try folder.remove(name) }
            }
        }
    }
}

extension OpenedResource {
    fileprivate func hasFolder(_ path: String) throws -> Bool {
        if let path = try? FilePath(parsing: path), case .folder = tree.find(path) { tree.file(path) == nil } else { false }
    }

    /// Whether something in the view is the resource's file of this path.
    fileprivate func isFile(_ path: String, _ status: stat, _ name: String, in folder: OpenFolder) throws -> Bool {
        guard let path = try? FilePath(parsing: path), let file = tree.file(path) else { return false }
        if let target = file.symlink { return try status.isSymlink && folder.target(ofSymlink: name).elementsEqual(target.utf8) }
        guard status.isRegular, Int(status.st_size) == file.size, (status.st_mode & S_IXUSR != 0) == file.executable else { return false }
        let descriptor = try FileDescriptor.open("\(folder.path)/\(name)", O_RDONLY | O_NOFOLLOW)
        let source = VerifyingSource(FileSource(descriptor), digest: file.digest, size: file.size)
        do { try copyBytes(from: source, to: Nowhere()) } catch is ContentError { return false }
        return true
    }
}

/// Takes bytes to nowhere.
final class Nowhere: ByteSink {
    func write(_ bytes: UnsafeRawBufferPointer) {}
}
