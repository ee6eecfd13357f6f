import RxCrypto
import RxModel
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `What is committed` {
    private func bytes(_ change: (String) -> String = { $0 }) throws -> [UInt8] {
        let definition = try Definition(parsing: Array(#"{"name":"tools","type":"data"}"#.utf8))
        let files = try ["a": "1", "b": "2", "c": "1"].map { try file($0.key, $0.value) }.sorted { $0.path < $1.path }
        return Array(change(String(decoding: try ResourceManifest(definition: definition, files: files).bytes, as: UTF8.self)).utf8)
    }

    @Test func `is the same whether its manifest is in the form that rx writes or in another`() throws {
        let own = try bytes()
        let other = try bytes { $0.replacing(#""schemaVersion":2"#, with: #""schemaVersion": 2"#) }
        let (one, two) = (try CommitContent(own, sha256(own)), try CommitContent(other, sha256(other)))
        #expect(one.parts.map(\.name) == two.parts.map(\.name))
        #expect(one.parts.map(\.size) == two.parts.map(\.size))
        #expect(one.parts.count == 4)
        for content in [one, two] {
            let made = try content.artifact(in: "tools")
            let parsed = try Artifact(parsing: content.bytes, mediaType: nil, repository: "tools")
            #expect(made.digest == parsed.digest)
            #expect(made.mediaType == parsed.mediaType)
            #expect(made.artifactType == parsed.artifactType)
            #expect(made.tree == parsed.tree)
            #expect(made.tree != nil)
            #expect([made.size, made.fileCount] == [parsed.size, parsed.fileCount])
            #expect(made.definition == parsed.definition)
            #expect(made.blobs == parsed.blobs)
            #expect(made.manifests.isEmpty && made.subject == nil)
        }
    }

    @Test func `is no manifest with another schema version, in whatever form`() throws {
        for version in [#""schemaVersion":3"#, #""schemaVersion": 3"#] {
            let bytes = try bytes { $0.replacing(#""schemaVersion":2"#, with: version) }
            #expect(throws: ManifestError("manifest has no schemaVersion 2")) { try CommitContent(bytes, sha256(bytes)) }
        }
    }

    @Test func `is another artifact when the files are in another order than their paths', or have another tree digest`() throws {
        let moved = try bytes { $0.replacing(#"title":"a""#, with: #"title":"z""#) }
        let tree = try bytes { text in
            var text = text
            let start = text.firstRange(of: #"dev.rx.tree":"sha256:"#)!.upperBound
            text.replaceSubrange(start..<text.index(start, offsetBy: 8), with: "00000000")
            return text
        }
        for bytes in [moved, tree] {
            let artifact = try CommitContent(bytes, sha256(bytes)).artifact(in: "tools")
            #expect(artifact.tree == nil)
            #expect(artifact.fileCount == 3)
        }
    }
}
