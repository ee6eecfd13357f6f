import Foundation
import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization

@testable import RxServer

/// A registry on a free port over a store in memory; ended with the object.
final class TestServer: Sendable {
    let folder: TemporaryFolder
    let store: any Store
    let server: RegistryServer
    private let logPath: String

    var port: Int { server.port }
    var url: String { server.url }

    init(store: any Store = MemoryStore(), _ change: (inout ServerConfiguration) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        self.store = store
        logPath = try folder.write("log", "")
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.data = folder.path + "/data"
        configuration.drainSeconds = 5
        change(&configuration)
        let log = try FileDescriptor.open(logPath, O_WRONLY | O_APPEND)
        server = try RegistryServer(configuration, store: store, log: AccessLog(descriptor: log.number, human: false))
    }

    deinit { server.stop() }

    /// The log's lines once they are enough, or after a minute. A line comes after its answer, so whoever asks says what is waited for.
    func log(until isEnough: ([JSON]) -> Bool) throws -> [JSON] {
        var lines: [JSON] = []
        _ = try waitUntil {
            // The last line may not be whole.
            let text = try String(contentsOfFile: logPath, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            lines = try text.dropLast().map { try JSON(parsing: String($0)) }
            return isEnough(lines)
        }
        return lines
    }

    /// The log's lines once there are so many.
    func log(lines: Int) throws -> [JSON] { try log { $0.count >= lines } }

    /// What uploads and builds left in the data folder: what goes a moment after the answer is waited for.
    func leftovers() throws -> [String] {
        var left: [String] = []
        _ = try waitUntil {
            left = try ["staging", "cache/archives"].flatMap { sub in
                let path = folder.path + "/data/" + sub
                return RxPosix.Files.isFolder(path) ? try RxPosix.Files.names(in: path).filter { !$0.hasSuffix(".tar.gz") } : []
            }
            return left.isEmpty
        }
        return left
    }

    /// Waits until the heads of so many requests were read that are not over; gives whether that came to be.
    func isBusy(with count: Int) -> Bool { waitUntil { server.server.active.load(ordering: .sequentiallyConsistent) == count } }

    /// Runs curl with the server's URL in front of a path.
    func curl(_ path: String, _ arguments: String...) throws -> Ended {
        try run("curl", ["-sS", "--max-time", "300"] + arguments + [url + path])
    }

    func connect() throws -> RawConnection { try RawConnection(port: port) }
}

/// Puts a resource into a store without HTTP.
@discardableResult
func put(_ store: any Store, _ locator: String, _ files: [String: [UInt8]], _ more: [String: JSON] = [:]) throws -> ResourceRecord {
    let locator = try Locator(parsing: locator)
    let operation = try store.begin()
    let entries = try files.map { path, bytes in
        let blob = try operation.stage(BytesSource(bytes), expecting: nil)
        return ResourceFile(path: try FilePath(parsing: path), digest: blob.digest, size: blob.size)
    }
    return try operation.commit(ResourceManifest(definition: definition(locator.name, more), files: entries), as: Reference(locator))
}

/// The tar.gz of some files.
func archive(_ files: [String: [UInt8]]) throws -> [UInt8] {
    let sink = BytesSink()
    let blobs = Dictionary(files.values.map { (sha256($0), $0) }) { first, _ in first }
    let entries = try files.map { path, bytes in ResourceFile(path: try FilePath(parsing: path), digest: sha256(bytes), size: bytes.count) }
    try writeArchive(files: entries, to: sink) { BytesSource(blobs[$0]!) }
    return sink.bytes
}

/// One part of a form.
struct FormPart {
    var name: String
    var filename: String?
    var content: [UInt8]

    static func text(_ name: String, _ text: String) -> FormPart { FormPart(name: name, filename: nil, content: Array(text.utf8)) }
    static func file(_ name: String, _ content: [UInt8]) -> FormPart { FormPart(name: name, filename: "f", content: content) }
}

let formType = "multipart/form-data; boundary=xyz"

/// The body of a form.
func form(_ parts: [FormPart]) -> [UInt8] {
    var out: [UInt8] = []
    for part in parts {
        let filename = part.filename.map { "; filename=\"\($0)\"" } ?? ""
        out +=
            Array("--xyz\r\nContent-Disposition: form-data; name=\"\(part.name)\"\(filename)\r\n\r\n".utf8) + part.content
            + Array("\r\n".utf8)
    }
    return out + Array("--xyz--\r\n".utf8)
}

/// The parts of a publish that is accepted.
func publishParts(
    _ locator: String = "p/new:1", _ json: String = "{\"name\":\"new\",\"type\":\"text\"}",
    files: [String: [UInt8]] = ["content": [1, 2, 3]]
) throws -> [FormPart] {
    [.text("locator", locator), .file("manifest", Array(json.utf8)), .file("content", try archive(files))]
}

/// A POST of a form as bytes.
func publishRequest(_ body: [UInt8], type: String = formType, more: String = "") -> [UInt8] {
    Array("POST /api/v1/publish HTTP/1.1\r\nHost: h\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\(more)\r\n".utf8) + body
}

/// Bytes that do not shrink.
func noise(_ count: Int) -> [UInt8] {
    let file = FileHandle(forReadingAtPath: "/dev/urandom")!
    return [UInt8](file.readData(ofLength: count))
}
