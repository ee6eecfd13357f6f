public import Foundation
public import RxModel
import RxCrypto

/// The checkout that the tests run in.
public let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// A folder that is removed with the object.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let url: URL
    /// Where it is, as text.
    public var path: String { url.path }

    /// Makes an empty folder.
    public init() throws {
        TemporaryFolder.usualMask
        url = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().appendingPathComponent("rx-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The modes that tests expect of files are those of the usual mask, also for the programs that they run.
    private static let usualMask: Void = { _ = umask(0o022) }()

    /// Writes a file, with the folders above it; gives its path.
    @discardableResult
    public func write(_ path: String, _ content: some Sequence<UInt8>, executable: Bool = false) throws -> String {
        let file = url.path + "/" + path
        try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(content).write(to: URL(fileURLWithPath: file))
        if executable { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file) }
        return file
    }

    /// Writes a text file; gives its path.
    @discardableResult
    public func write(_ path: String, _ content: String, executable: Bool = false) throws -> String {
        try write(path, content.utf8, executable: executable)
    }
}

/// The cases of one file in Specs/vectors. Throws when the file is missing, is not JSON or holds no vector.
public func vectors(_ name: String) throws -> [JSON] {
    let url = repositoryRoot.appendingPathComponent("Specs/vectors/\(name).json")
    let json = try JSON(parsing: [UInt8](Data(contentsOf: url)))
    guard let list = json["vectors"]?.array, !list.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
    return list
}

/// The SHA-256 of some bytes.
public func digest(of bytes: [UInt8]) -> Digest { sha256(bytes) }

/// A small definition for tests.
public func definition(_ name: String, type: String = "text", _ more: [String: JSON] = [:]) throws -> Definition {
    try Definition(.object(more.merging(["name": .string(name), "type": .string(type)]) { $1 }))
}

/// A file entry for content that is in memory.
public func file(_ path: String, _ content: String, executable: Bool = false, symlink: String? = nil) throws -> ResourceFile {
    let bytes = Array(content.utf8)
    return ResourceFile(
        path: try FilePath(parsing: path), digest: sha256(bytes), size: bytes.count, executable: executable, symlink: symlink)
}
