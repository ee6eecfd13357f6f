import Foundation
import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxSource
import RxTesting
import Testing

/// A folder of a given real name inside a temporary one.
struct NamedFolder {
    let outer: TemporaryFolder
    let name: String

    init(_ name: String, _ files: [String: String] = [:]) throws {
        outer = try TemporaryFolder()
        self.name = name
        try FileManager.default.createDirectory(atPath: outer.path + "/" + name, withIntermediateDirectories: true)
        for (path, text) in files { try outer.write("\(name)/\(path)", text) }
    }

    var path: String { outer.path + "/" + name }

    func write(_ path: String, _ text: String, executable: Bool = false) throws {
        try outer.write("\(name)/\(path)", text, executable: executable)
    }

    func symlink(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(self.path)/\(path)", withDestinationPath: target)
    }

    func entries() throws -> [SourceEntry] { try SourceFolder(path: path).entries() }
    func paths() throws -> [String] { try entries().map(\.path.text) }

    /// What rx makes of the folder.
    func load() throws -> (definition: Definition, files: [String]) {
        let source = try SourceRegistry().load(path) { _ in throw CocoaError(.featureUnsupported) }
        guard case .folder(let entries, _) = source.content else { throw CocoaError(.featureUnsupported) }
        return (source.definition, entries.map(\.path.text))
    }
}

/// Keeps staged blobs in memory.
final class MemoryStage {
    private(set) var blobs: [Digest: [UInt8]] = [:]

    func stage(_ source: any ByteSource) throws -> (digest: Digest, size: Int) {
        let bytes = try source.readAll()
        blobs[sha256(bytes)] = bytes
        return (sha256(bytes), bytes.count)
    }

    func text(_ file: ResourceFile) -> String { String(decoding: blobs[file.digest] ?? [], as: UTF8.self) }
}

/// The error that `body` throws, as the family that people see.
func failure<Value>(of body: () throws -> Value) -> (any ResourceError)? {
    do { _ = try body() } catch { return error as? any ResourceError }
    return nil
}

extension SourceEntry {
    func text() throws -> String { String(decoding: try read(), as: UTF8.self) }
}
