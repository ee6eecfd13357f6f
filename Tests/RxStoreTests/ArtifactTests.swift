import RxCrypto
import RxModel
import RxStore
import RxTesting
import Testing

@Suite struct `An artifact` {
    /// The manifest of a resource with one file.
    private func manifest(_ text: String, layer: [String: JSON] = [:]) throws -> [UInt8] {
        let bytes = Array(text.utf8)
        let file = ResourceFile(path: try FilePath(parsing: "content"), digest: sha256(bytes), size: bytes.count)
        let resource = try ResourceManifest(definition: try Definition(parsing: Array(#"{"name":"x","type":"text"}"#.utf8)), files: [file])
        guard case .object(var members) = try JSON(parsing: resource.bytes), case .object(var own)? = members["layers"]?.array?.first else {
            return []
        }
        own.merge(layer) { $1 }
        members["layers"] = .array([.object(own)])
        return JSON.object(members).canonical
    }

    private func isResource(_ bytes: [UInt8]) throws -> Bool {
        try Artifact(parsing: bytes, mediaType: nil, repository: "r").tree != nil
    }

    @Test func `is no resource when one of its files may be absent`() throws {
        #expect(try isResource(try manifest("secret")))
        #expect(try !isResource(try manifest("secret", layer: ["urls": ["https://example.com/"]])))
        let type = JSON.string("application/vnd.oci.image.layer.nondistributable.v1.tar")
        #expect(try !isResource(try manifest("secret", layer: ["mediaType": type])))
    }

    @Test func `that goes leaves the blobs which a client was told of, whoever ended their leases before`() throws {
        let folder = try TemporaryFolder()
        let (store, other) = (try DiskStore(at: folder.path), try DiskStore(at: folder.path))
        for text in ["{}", "text"] {
            let upload = try store.beginUpload(in: "r")
            try Array(text.utf8).withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: .sha256(sha256(Array(text.utf8))))
        }
        let artifact = try Artifact(parsing: try manifest("text"), mediaType: nil, repository: "r")
        try store.put(artifact, in: "r", tags: ["v"], name: nil, sparse: false)
        // A collection of another process ends every lease; the manifest keeps the blob.
        _ = try other.collect(dryRun: false, leaseTime: 0)
        let digest = ContentDigest.sha256(sha256(Array("text".utf8)))
        #expect(try store.blob(digest, in: "r", leasing: true) != nil)
        #expect(try other.removeArtifact(repository: "r", name: .digest(.sha256(artifact.digest)), sparse: false))
        _ = try other.collect(dryRun: false, leaseTime: nil)
        #expect(try store.blob(digest, in: "r", leasing: false) != nil, "told of a moment ago")
    }

    @Test func `shows nothing of another repository as a resource of its own`() throws {
        let store = MemoryStore()
        for (text, repository) in [("secret", "private"), ("{}", "r")] {
            let upload = try store.beginUpload(in: repository)
            try Array(text.utf8).withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: .sha256(sha256(Array(text.utf8))))
        }
        let bytes = try manifest("secret", layer: ["urls": ["https://example.com/"]])
        let artifact = try Artifact(parsing: bytes, mediaType: nil, repository: "r")
        try store.put(artifact, in: "r", tags: ["v"], name: nil, sparse: false)
        let record = try #require(try store.resolve(registry: "", repository: "r", selector: .tag("v")))
        #expect(try store.manifest(of: record).files.isEmpty)
    }
}
