import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Synchronization

/// A registry of one resource that can be told to lie.
struct FakeRegistry: Sendable {
    /// The resource that it has.
    let manifest: ResourceManifest
    /// The contents by digest.
    let contents: [Digest: [UInt8]]

    init(_ files: [String: String] = ["content": "hello"], tag: String = "1") throws {
        contents = Dictionary(files.values.map { (sha256(Array($0.utf8)), Array($0.utf8)) }) { first, _ in first }
        manifest = try ResourceManifest(
            definition: try definition("hello", ["path": "team", "tag": .string(tag)]), files: try files.map { try file($0.key, $0.value) })
    }

    var info: JSON {
        let digest = manifest.digest
        return ResourceInfo(
            locator: manifest.definition.locator, digest: manifest.tree, manifestDigest: digest, size: manifest.size,
            fileCount: manifest.files.count,
            createdAt: 1, updatedAt: 2, definition: manifest.definition, files: manifest.files
        ).json
    }

    var archive: [UInt8] {
        get throws {
            let sink = BytesSink()
            try writeArchive(files: manifest.files, to: sink) { BytesSource(contents[$0] ?? []) }
            return sink.bytes
        }
    }

    static let notFound = RecordedTransport.Answer.json(404, .members(["error": "Resource not found", "code": "RESOURCE_NOT_FOUND"]))

    /// Answers as a registry does; `change` may replace an answer by what was asked.
    func transport(
        _ change: @escaping @Sendable (_ path: String, _ answer: RecordedTransport.Answer) throws -> RecordedTransport.Answer = { $1 }
    )
        -> RecordedTransport
    {
        RecordedTransport { [self] asked in
            let path = String(asked.url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })
            let answer: RecordedTransport.Answer
            if path.hasPrefix("/api/v1/resource/team%2Fhello") {
                answer = .json(200, info)
            } else if path.hasPrefix("/api/v1/content/team%2Fhello") {
                answer = RecordedTransport.Answer(body: try archive)
            } else if path == "/api/v1/publish" {
                answer = .json(
                    201, PublishReceipt(locator: manifest.definition.locator, digest: manifest.tree, manifestDigest: manifest.digest).json)
            } else {
                answer = FakeRegistry.notFound
            }
            return try change(path, answer)
        }
    }
}

extension RecordedTransport {
    /// The answer to a request that another transport was asked.
    func answer(_ asked: Asked) throws -> Answer { try respond(asked) }
}
