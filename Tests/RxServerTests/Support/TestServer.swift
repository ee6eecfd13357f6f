import Foundation
import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting

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

    /// The log's lines so far. A line comes after its answer: where a number of lines is told, they are waited for.
    func log(lines: Int = 0) throws -> [JSON] {
        let end = Clock.monotonic + 10_000_000_000
        repeat {
            usleep(20_000)
        } while try String(contentsOfFile: logPath, encoding: .utf8).utf8.count { $0 == 0x0A } < lines && Clock.monotonic < end
        return try String(contentsOfFile: logPath, encoding: .utf8).split(separator: "\n").map { try JSON(parsing: String($0)) }
    }

    /// What uploads and builds left in the data folder.
    func leftovers() throws -> [String] {
        try ["staging", "cache/archives"].flatMap { sub in
            let path = folder.path + "/data/" + sub
            return RxPosix.Files.isFolder(path) ? try RxPosix.Files.names(in: path).filter { !$0.hasSuffix(".tar.gz") } : []
        }
    }

    /// Runs curl with the server's URL in front of a path.
    func curl(_ path: String, _ arguments: String..., seconds: Double = 30) throws -> Ended {
        try run("curl", ["-sS", "--max-time", "20"] + arguments + [url + path], seconds: seconds)
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
