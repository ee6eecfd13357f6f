import RxCrypto
import RxModel
import RxTesting
import Testing

@Suite struct `Packed resources` {
    @Test(arguments: try vectors("packed")) func `are written and read as the vectors say`(_ vector: JSON) throws {
        let name = vector["name"]?.string ?? "?"
        if let bytes = vector["bytes"]?.int {
            #expect(PackedResource.isNeeded(manifestBytes: bytes) == vector["isPacked"]?.bool, "\(name)")
        } else if let list = vector["list"]?.string {
            let error = #expect(throws: ManifestError.self, "\(name)") { try FileIndex.files(parsing: Array(list.utf8)) }
            #expect(error?.message == vector["error"]?.string, "\(name)")
        } else if let text = vector["text"]?.string {
            let manifest = try ArtifactManifest(parsing: Array(text.utf8), mediaType: MediaType.imageManifest)
            #expect(PackedResource.isPacked(manifest), "\(name)")
            guard let message = vector["error"]?.string else {
                let packed = try PackedResource(manifest)
                #expect(packed.manifest.description == vector["manifest"]?.string && packed.tree.description == vector["tree"]?.string)
                return
            }
            let error = #expect(throws: ManifestError.self, "\(name)") { try PackedResource(manifest) }
            #expect(error?.message == message, "\(name)")
        } else {
            try checkWritten(vector)
        }
    }

    func checkWritten(_ vector: JSON) throws {
        let files = try (vector["files"]?.array ?? []).map { entry in
            try file(
                try #require(entry["path"]?.string), try #require(entry["content"]?.string), executable: entry["executable"]?.bool == true,
                symlink: entry["symlink"]?.string)
        }
        let resource = try ResourceManifest(definition: Definition(try #require(vector["definition"])), files: files.reversed())
        #expect(resource.digest.description == vector["manifest"]?.string)
        #expect(resource.tree.description == vector["tree"]?.string)
        let index = FileIndex.bytes(files.reversed())
        #expect(String(decoding: index, as: UTF8.self) == vector["index"]?.string)
        #expect(try FileIndex.files(parsing: index) == resource.files)
        let archive = try #require(vector["archive"])
        let packed = PackedResource(
            resource, manifest: resource.digest,
            archive: (try #require(archive["digest"]?.string.flatMap { Digest($0) }), try #require(archive["size"]?.int)),
            index: (sha256(index), index.count))
        #expect(String(decoding: packed.bytes, as: UTF8.self) == vector["packed"]?.string)
        #expect(sha256(packed.bytes).description == vector["packedDigest"]?.string)
        #expect(try PackedResource(ArtifactManifest(parsing: packed.bytes, mediaType: nil)) == packed)
    }

    @Test func `are no resources with one layer a file`() throws {
        let text = try #require(try vectors("packed").first?["packed"]?.string)
        #expect(throws: (any Error).self) {
            let manifest = try ResourceManifest(parsing: Array(text.utf8))
            guard manifest.tree == treeDigest(manifest.files) else { throw ContentError("another tree") }
        }
    }
}
