import Glibc
import RxCrypto
import RxModel
import RxPosix

extension Content {
    /// Writes the version as a folder that can be added under a name and tag.
    func write(to folder: String, name: String, tag: String) throws {
        try Interruption.finishing { try Files.makeFolders(folder) }
        let definition = JSON.members(["name": .string(name), "type": "data", "tag": .string(tag)])
        try Content.write(Array(definition.text.utf8), to: "\(folder)/resource.json")
        for file in files { try Content.write(file.bytes, to: "\(folder)/\(file.path)") }
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).write(bytes)
    }

    /// What is in a folder: paths with the digests of the files.
    static func listing(of folder: String) throws -> [String: Digest] {
        var listing: [String: Digest] = [:]
        for path in try Files.tree(folder) { listing[String(path.dropFirst(folder.utf8.count + 1))] = sha256(try Files.read(path)) }
        return listing
    }
}
