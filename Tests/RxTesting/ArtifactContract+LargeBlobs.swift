import RxCrypto
import RxModel
import RxStore
import Testing

extension ArtifactContract {
    /// What a repository shows of long blobs: its own alone, with the paths that manifests give them.
    func large() throws {
        let store = try make()
        func put(_ text: String, _ repository: String, tag: String, registry: String = "") throws -> Digest {
            let operation = try store.begin()
            let blob = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil)
            let file = ResourceFile(path: try FilePath(parsing: "dir/\(text.prefix(1))"), digest: blob.digest, size: blob.size)
            let small = try operation.stage(BytesSource([1]), expecting: nil)
            let other = ResourceFile(path: try FilePath(parsing: "small"), digest: small.digest, size: 1)
            let named = try definition(repository, ["tag": .string(tag)])
            _ = try operation.commit(
                ResourceManifest(definition: named, files: [file, other]),
                as: Reference(registry: registry, repository: repository, tag: tag))
            return blob.digest
        }
        let first = try put("a first", "r", tag: "1")
        let second = try put("b second", "r", tag: "2")
        _ = try put("c elsewhere", "other", tag: "1")
        let copy = try put("d copied", "r", tag: "1", registry: "host")
        func large(_ registry: String = "", atLeast size: Int = 5, limit: Int = 10) throws -> [LargeBlob] {
            try store.largeBlobs(registry: registry, repository: "r", atLeast: size, limit: limit)
        }
        #expect(
            try large() == [LargeBlob(digest: second, size: 8, title: "dir/b"), LargeBlob(digest: first, size: 7, title: "dir/a")],
            "the newest first, nothing of other repositories")
        #expect(try large(atLeast: 8).map(\.digest) == [second])
        #expect(try large(limit: 1).map(\.digest) == [second])
        #expect(try large("host").map(\.digest) == [copy])
        #expect(try large("elsewhere") == [])
        let upload = try store.beginUpload(in: "r")
        let bytes = Array("uploaded".utf8)
        try bytes.withUnsafeBytes { try upload.append($0) }
        _ = try upload.finish(as: .sha256(sha256(bytes)))
        #expect(try large().contains(LargeBlob(digest: sha256(bytes), size: 8, title: nil)), "what is shown without a manifest, too")
        #expect(
            try large().bases(for: "dir/a", size: 100, count: 2, bytes: 100).map(\.digest) == [first, second],
            "the same path first")
        #expect(try large().bases(for: nil, size: 7, count: 9, bytes: 15).map(\.size) == [7, 8], "then the nearest in size, within bounds")
    }
}
