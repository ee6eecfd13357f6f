import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

@Suite struct `A blob's file that was written to` {
    let folder: TemporaryFolder
    let store: DiskStore
    let digests: [Digest]

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        let batch = try store.begin(in: "r")
        digests = try ["first", "second"].map { try batch.stage(BytesSource(Array($0.utf8)), expecting: nil).digest }
        try batch.publish()
    }

    /// Writes to a blob's file as an editor does that knows nothing of the store.
    private func write(_ text: String, to digest: Digest) throws {
        let path = store.layout.blob(digest)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    private func isShown(_ digest: Digest) throws -> Bool { try store.blob(.sha256(digest), in: "r", leasing: true) != nil }

    @Test func `is there for nobody who asks when its bytes are others, and mended by the next put`() throws {
        try write("f1rst", to: digests[0])
        #expect(try !isShown(digests[0]) && isShown(digests[1]))
        #expect(try Files.names(in: store.layout.damaged).count == 1)
        try write("s3cond", to: digests[1])
        let batch = try store.begin(in: "r")
        #expect(try batch.lease([digests[0]: 5, digests[1]: 6]).isEmpty)
        _ = try batch.stage(BytesSource(Array("first".utf8)), expecting: digests[0])
        try batch.publish()
        #expect(try isShown(digests[0]) && text(digests[0], in: store) == "first")
    }

    @Test func `is told apart where a whole resource or a mount is asked for, and by an operation of a home`() throws {
        let manifest = try ResourceManifest(definition: try definition("r"), files: [file("first", "first")])
        let operation = try store.begin()
        #expect(try operation.lease([digests[0]: 5]) == [digests[0]])
        let record = try operation.commit(manifest, as: Reference(repository: "r", tag: "1"))
        #expect(try store.isWhole(record.manifestDigest, in: "r"))
        try write("f1rst", to: digests[0])
        #expect(try !store.isWhole(record.manifestDigest, in: "r"))
        try write("s3cond", to: digests[1])
        #expect(try !store.mount(.sha256(digests[1]), from: "r", into: "other"))
        #expect(try store.begin().lease([digests[0]: 5, digests[1]: 6]).isEmpty)
    }

    @Test func `is missed by a manifest that names it`() throws {
        let manifest = try ResourceManifest(
            definition: try definition("r"), files: [file("first", "first"), file("second", "second")])
        let config = try store.begin(in: "r")
        _ = try config.stage(BytesSource(ResourceManifest.emptyConfig), expecting: nil)
        try config.publish()
        let artifact = try Artifact(parsing: manifest.bytes, mediaType: nil, repository: "r")
        func put() throws { try store.put(artifact, in: "r", tags: ["1"], name: nil, sparse: false) }
        try write("s3cond", to: digests[1])
        #expect(throws: MissingContentError([.sha256(digests[1])], in: "r")) { try put() }
        let batch = try store.begin(in: "r")
        _ = try batch.stage(BytesSource(Array("second".utf8)), expecting: digests[1])
        try batch.publish()
        try write("first", to: digests[0])
        try put()
    }

    @Test(.enabled(if: Fault.available)) func `is not there when it cannot be read, and is put anew`() throws {
        try write("f1rst", to: digests[0])
        defer { Fault.clear(under: store.layout.blob(digests[0])) }
        Fault.inject("pread", EIO, under: store.layout.blob(digests[0]), times: .max)
        Fault.inject("read", EIO, under: store.layout.blob(digests[0]), times: .max)
        let batch = try store.begin(in: "r")
        #expect(try batch.lease([digests[0]: 5]).isEmpty && !isShown(digests[0]))
        _ = try batch.stage(BytesSource(Array("first".utf8)), expecting: digests[0])
        try batch.publish()
        Fault.clear(under: store.layout.blob(digests[0]))
        #expect(try isShown(digests[0]) && text(digests[0], in: store) == "first")
    }

    @Test(.enabled(if: Fault.available)) func `that is long and cannot be read is sent anew by who puts a manifest of it`() throws {
        let bytes = [UInt8](repeating: 7, count: (8 << 20) + 1)
        let long = try ResourceManifest(
            definition: try definition("r"),
            files: [ResourceFile(path: try FilePath(parsing: "long"), digest: sha256(bytes), size: bytes.count)])
        func send(_ contents: [[UInt8]]) throws {
            let batch = try store.begin(in: "r")
            for content in contents { _ = try batch.stage(BytesSource(content), expecting: nil) }
            try batch.publish()
        }
        try send([ResourceManifest.emptyConfig, bytes])
        try write("\u{7}", to: sha256(bytes))
        let path = store.layout.blob(sha256(bytes))
        defer { Fault.clear(under: path) }
        Fault.inject("pread", EIO, under: path, times: .max)
        let artifact = try Artifact(parsing: long.bytes, mediaType: nil, repository: "r")
        func put() throws { try store.put(artifact, in: "r", tags: ["1"], name: nil, sparse: false) }
        #expect(try isShown(sha256(bytes)), "by its length")
        #expect(throws: MissingContentError([.sha256(sha256(bytes))], in: "r")) { try put() }
        #expect(try !isShown(sha256(bytes)))
        Fault.clear(under: path)
        try send([bytes])
        try put()
        #expect(try store.open(sha256(bytes)).readAll() == bytes)
    }

    @Test func `is hashed once when its bytes are right`() throws {
        try write("first", to: digests[0])
        let blob = StagedBlob(digest: digests[0], size: 5)
        #expect(try #require(try store.layout.state(of: blob)).isWrittenLast)
        usleep(20_000)
        #expect(try isShown(digests[0]))
        #expect(try !#require(try store.layout.state(of: blob)).isWrittenLast, "that is noted")
    }
}
