import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxServer

/// What was read a moment ago is read again without the store, until anybody changes it.
@Suite struct `Warm reads` {
    /// A disk store that counts what is asked of it.
    private final class CountingStore: ForwardingStore {
        let disk: DiskStore
        let reads = Atomic<Int>(0)

        init(at path: String) throws { disk = try DiskStore(at: path) }

        func base() throws -> any Store {
            reads.wrappingAdd(1, ordering: .relaxed)
            return disk
        }
        func version() throws -> Int { try disk.version() }
    }

    private let folder: TemporaryFolder
    private let store: CountingStore
    private let calls: DirectCalls

    init() throws {
        folder = try TemporaryFolder()
        store = try CountingStore(at: folder.path + "/data")
        calls = try DirectCalls(store: store)
    }

    private func manifest(_ text: String) -> [UInt8] {
        let config = ResourceManifest.emptyConfigDigest
        return Array(
            #"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"\#(config)","size":2},"annotations":{"n":"\#(text)"}}"#.utf8)
    }

    private func put(_ text: String, through store: any Store) throws {
        let upload = try store.beginUpload(in: "r")
        try ResourceManifest.emptyConfig.withUnsafeBytes { try upload.append($0) }
        _ = try upload.finish(as: .sha256(ResourceManifest.emptyConfigDigest))
        let artifact = try Artifact(parsing: manifest(text), mediaType: MediaType.imageManifest, repository: "r")
        try store.put(artifact, in: "r", tags: ["v"], name: nil, sparse: false)
    }

    /// Answers a request, and tells whether the store was asked for more than its version.
    private func read(_ path: String, _ method: String = "GET", _ headers: HTTPHeaders = [:]) -> (answer: HTTPResponse, asked: Bool) {
        let before = store.reads.load(ordering: .relaxed)
        let answer = calls.call(method, path, headers)
        return (answer, store.reads.load(ordering: .relaxed) != before)
    }

    @Test func `of a manifest ask the store for its version alone, by tag and by digest`() throws {
        try put("one", through: store.disk)
        for path in ["/v2/r/manifests/v", "/v2/r/manifests/\(sha256(manifest("one")))"] {
            #expect(read(path).asked)
            for method in ["GET", "HEAD"] {
                let (answer, asked) = read(path, method)
                #expect(!asked && answer.status == 200 && answer.content == manifest("one"))
                #expect(answer.headers["Content-Type"] == MediaType.imageManifest)
            }
            let tag = try #require(read(path).answer.headers["ETag"])
            #expect(read(path, "GET", ["If-None-Match": tag]).answer.status == 304)
        }
    }

    @Test func `notice what another process changes`() throws {
        let other = try DiskStore(at: folder.path + "/data")
        try put("one", through: other)
        _ = read("/v2/r/manifests/v")
        #expect(!read("/v2/r/manifests/v").asked)
        try put("two", through: other)
        #expect(read("/v2/r/manifests/v").answer.content == manifest("two"))
        #expect(try other.removeArtifact(repository: "r", name: .tag("v"), sparse: false))
        #expect(read("/v2/r/manifests/v").answer.status == 404)
    }

    @Test func `of a short blob are sent from memory, also in part, but never promise it`() throws {
        try put("one", through: store.disk)
        let path = "/v2/r/blobs/\(ResourceManifest.emptyConfigDigest)"
        guard case .file = read(path).answer.body else {
            Issue.record("what is asked for once is not sent from its file")
            return
        }
        let (answer, asked) = read(path)
        #expect(!asked && answer.content == ResourceManifest.emptyConfig)
        guard case .memory = answer.body else {
            Issue.record("what is asked for again is not sent from memory")
            return
        }
        let part = read(path, "GET", ["Range": "bytes=1-"])
        #expect(!part.asked && part.answer.status == 206 && part.answer.content == Array("}".utf8))
        let tag = try #require(answer.headers["ETag"])
        #expect(read(path, "GET", ["If-None-Match": tag]).answer.status == 304)
        #expect(read(path, "GET", ["Range": "bytes=2-"]).answer.status == 416)
        #expect(read(path, "HEAD").asked, "a HEAD leases")
        #expect(read("/v2/other/blobs/\(ResourceManifest.emptyConfigDigest)").answer.status == 404)
    }

    @Test func `of a long blob send the file that is open, also in part`() throws {
        let bytes = [UInt8](repeating: 7, count: CachedAnswer.memoryLimit + 1)
        try upload(bytes)
        let path = "/v2/r/blobs/\(sha256(bytes))"
        _ = read(path)
        let (answer, asked) = read(path)
        #expect(!asked && answer.content == bytes)
        guard case .file = answer.body else {
            Issue.record("the blob is not sent from its file")
            return
        }
        let part = read(path, "GET", ["Range": "bytes=1-2"])
        #expect(!part.asked && part.answer.status == 206 && part.answer.content == [7, 7])
    }

    @Test func `of a blob end when it is deleted or found damaged`() throws {
        let other = try DiskStore(at: folder.path + "/data")
        for isDamaged in [false, true] {
            try upload(Array("abcd".utf8))
            let digest = sha256(Array("abcd".utf8))
            let path = "/v2/r/blobs/\(digest)"
            _ = read(path)
            #expect(!read(path).asked)
            if isDamaged {
                let file = folder.path + "/data/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
                try Files.remove(file)
                try Files.replace(file, with: Array("abXd".utf8))
                #expect(throws: ContentError.self) { _ = try other.open(digest).readAll(limit: 100) }
            } else {
                #expect(try other.removeBlob(.sha256(digest), from: "r"))
            }
            #expect(read(path).answer.status == 404)
        }
    }

    private func upload(_ bytes: [UInt8]) throws {
        let upload = try store.disk.beginUpload(in: "r")
        try bytes.withUnsafeBytes { try upload.append($0) }
        _ = try upload.finish(as: .sha256(sha256(bytes)))
    }

    @Test func `hold a bounded number of bytes, and those that are being sent for as long as that takes`() throws {
        let cache = ResponseCache(byteLimit: 16 * 1000)
        let path = try folder.write("file", String(repeating: "x", count: 900))
        let file = try FileDescriptor.open(path, 0)
        var answers: [CachedAnswer] = []
        for index in 0..<50 {
            let whole = HTTPResponse(200, body: .file(file, offset: 0, length: 900))
            cache.keep(try #require(CachedAnswer(whole, tag: EntityTag("t"), what: "blob", file: file)), for: "/\(index)", version: 1)
            answers.append(try #require(cache.answer("/\(index)", version: { 1 })))
        }
        let request = HTTPRequest(method: "GET", target: "/", headers: [:], remote: "")
        func isInMemory(_ answer: CachedAnswer?) -> Bool {
            if case .memory = answer?.response(to: request)?.body { true } else { false }
        }
        #expect(1...17 ~= (0..<50).filter { isInMemory(cache.answer("/\($0)", version: { 1 })) }.count)
        #expect(answers.allSatisfy { $0.response(to: request)?.content == [UInt8](repeating: 0x78, count: 900) })
        // What has no room any more, because others are still being sent, is sent from its file.
        #expect(answers.filter(isInMemory).count == 24_000 / 900 && isInMemory(answers.first) && !isInMemory(answers.last))
        answers = []
        let whole = HTTPResponse(200, body: .file(file, offset: 0, length: 900))
        cache.keep(try #require(CachedAnswer(whole, tag: EntityTag("t"), what: "blob", file: file)), for: "/x", version: 2)
        #expect(isInMemory(cache.answer("/x", version: { 2 })), "what was sent leaves room")
    }

    @Test func `keep a bounded number of files open`() throws {
        let cache = ResponseCache(fileLimit: 2)
        let path = try folder.write("file", "x")
        let descriptors = try (0..<5).map { _ in try FileDescriptor.open(path, 0) }
        for (index, file) in descriptors.enumerated() {
            let whole = HTTPResponse(200, body: .file(file, offset: 0, length: 1))
            cache.keep(try #require(CachedAnswer(whole, tag: EntityTag("t"), what: "blob", file: file)), for: "/\(index)", version: 1)
        }
        #expect((0..<5).filter { cache.answer("/\($0)", version: { 1 }) != nil }.count <= 2)
        #expect(cache.answer("/4", version: { 1 }) != nil && cache.answer("/4", version: { 2 }) == nil)
    }
}
