import Foundation
import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxStore
import RxTesting
import Testing

@testable import RxServer

/// Specs/vectors/transfer.json against fresh servers, over a store on disk and one in memory.
@Suite struct `Transfer vectors` {
    static let document: JSON = try! JSON(
        parsing: [UInt8](Data(contentsOf: repositoryRoot.appendingPathComponent("Specs/vectors/transfer.json"))))

    /// The blobs and manifests that the vectors name.
    struct Contents {
        let bytes: [String: [UInt8]]

        init(_ document: JSON) {
            var bytes: [String: [UInt8]] = [:]
            for (name, value) in document["blobs"]!.object! {
                let text = value["repeat"].map { String(repeating: $0.string!, count: value["count"]!.int!) } ?? value.string!
                bytes[name] = Array(text.utf8)
            }
            for (name, manifest) in document["manifests"]!.object! {
                func descriptor(_ blob: String, _ type: String, _ more: [String: JSON] = [:]) -> JSON {
                    let members: [String: JSON] = [
                        "mediaType": .string(type), "digest": .string(sha256(bytes[blob]!).description),
                        "size": .integer(bytes[blob]!.count),
                    ]
                    return .object(members.merging(more) { $1 })
                }
                let more = manifest["layerMembers"]?.object ?? [:]
                let layers = manifest["layers"]!.array!.map { descriptor($0.string!, "a/layer", more) }
                bytes[name] =
                    JSON.members([
                        "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest),
                        "config": descriptor(manifest["config"]!.string!, "a/config"), "layers": .array(layers),
                    ]).canonical
            }
            self.bytes = bytes
        }

        /// A text with the digests in their places.
        func fill(_ text: String) -> String {
            bytes.reduce(text) { text, blob in
                let digest = sha256(blob.value)
                return text.replacingOccurrences(of: "{hex:\(blob.key)}", with: digest.hex)
                    .replacingOccurrences(of: "{\(blob.key)}", with: digest.description)
            }
        }

        /// The body of a request.
        func body(_ step: JSON) throws -> [UInt8]? {
            var body: [UInt8]
            if let entries = step["tar"]?.array {
                var tar = RawTar()
                for entry in entries {
                    if let name = entry.string {
                        tar = tar.entry("blobs/sha256/\(sha256(bytes[name]!).hex)", content: bytes[name]!)
                    } else {
                        let content = entry["from"].map { bytes[$0.string!]! } ?? Array((entry["content"]?.string ?? "").utf8)
                        tar = tar.entry(
                            fill(entry["name"]!.string!), kind: Character(entry["kind"]?.string ?? "0"), content: content,
                            target: entry["kind"] == nil || entry["kind"] == "5" ? "" : "target")
                    }
                }
                body = tar.closed
            } else if let json = step["json"] {
                body = Array(fill(json.text).utf8)
            } else if let text = step["text"]?.string {
                body = Array(fill(text).utf8)
            } else {
                return nil
            }
            switch step["coding"]?.string {
            case "zstd": body = try zstdCompressed(body)
            case "gzip":
                let sink = BytesSink()
                let gzip = GzipSink(sink)
                try body.withUnsafeBytes { try gzip.write($0) }
                try gzip.finish()
                body = sink.bytes
            default: break
            }
            return Array(body.dropLast(step["cut"]?.int ?? 0))
        }
    }

    @Test(arguments: document["vectors"]!.array!.indices) func `are answered as they say`(index: Int) throws {
        let vector = `Transfer vectors`.document["vectors"]!.array![index]
        let folder = try TemporaryFolder()
        try run(vector, on: DiskStore(at: folder.path))
    }

    @Test func `are answered the same by a store in memory`() throws {
        for vector in `Transfer vectors`.document["vectors"]!.array! { try run(vector, on: MemoryStore()) }
    }

    private func run(_ vector: JSON, on store: any Store) throws {
        let contents = Contents(`Transfer vectors`.document)
        let server = try TestServer(store: store) { configuration in
            var members = vector["settings"]?.object ?? [:]
            members["port"] = 0
            let data = configuration.data
            configuration = try! ServerConfiguration(parsing: JSON.object(members).canonical)
            configuration.data = data
        }
        let connection = try server.connect()
        for (number, step) in vector["steps"]!.array!.enumerated() {
            let method = step["method"]!.string!
            let body = try contents.body(step)
            var headers: HTTPHeaders = ["Host": "localhost"]
            if body != nil || method == "POST" { headers["Content-Length"] = String(body?.count ?? 0) }
            for (key, value) in step["headers"]?.object ?? [:] { headers[key] = value.string }
            let head = headers.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
            try connection.send(Array("\(method) \(contents.fill(step["path"]!.string!)) HTTP/1.1\r\n\(head)\r\n".utf8) + (body ?? []))
            try check(connection.answer(head: method == "HEAD"), step, contents, "\(vector["name"]!.string!), step \(number)")
        }
    }

    private func check(_ answer: RawConnection.Answer, _ expected: JSON, _ contents: Contents, _ name: String) throws {
        let shown = "\(name): \(answer.status) \(answer.headers.fields.map { "\($0.name): \($0.value)" }) \(answer.text.prefix(500))"
        let json = (try? JSON(parsing: answer.body)) ?? .null
        #expect(answer.status == expected["status"]?.int, "\(shown)")
        if let code = expected["code"] { #expect(json["code"] == code, "\(shown)") }
        if let text = expected["has"]?.string { #expect(json["error"]?.string?.contains(contents.fill(text)) == true, "\(shown)") }
        for (key, value) in expected["answerHeaders"]?.object ?? [:] {
            #expect(answer.headers[key] == value.string.map(contents.fill), "\(key) of \(shown)")
        }
        for (key, value) in expected["answer"]?.object ?? [:] {
            #expect(try json[key] == JSON(parsing: contents.fill(value.text)), "\(key) of \(shown)")
        }
        if let names = expected["entries"]?.array {
            #expect(try blobs(of: answer.body) == names.map { contents.bytes[$0.string!]! }, "\(shown)")
        }
    }
}
