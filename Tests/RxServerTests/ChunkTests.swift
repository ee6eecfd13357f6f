import Foundation
import RxChunks
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Chunk calls` {
    let calls: DirectCalls
    let base = Self.contents.base
    let blob = Self.contents.blob

    static let contents: (base: [UInt8], blob: [UInt8]) = {
        let words = (0..<(9 << 20) / 8).map { mixed(UInt64($0)) }
        let base = words.withUnsafeBytes { Array($0) }
        return (base, Array(base[..<4_000_000]) + [1] + Array(base[4_000_000...]))
    }()

    init() throws {
        calls = try DirectCalls()
        try upload(base, to: "team/a")
    }

    private func upload(_ bytes: [UInt8], to repository: String) throws {
        let session = try calls.store.beginUpload(in: repository)
        try bytes.withUnsafeBytes { try session.append($0) }
        _ = try session.finish(as: .sha256(sha256(bytes)))
    }

    private func query(_ path: String, _ repository: String = "team/a", _ bytes: [UInt8]? = nil, size: Int? = nil) -> String {
        let bytes = bytes ?? blob
        return Route.chunks(path, repository: repository, blob: sha256(bytes), size: size ?? bytes.count)
    }

    private func shows(_ bytes: [UInt8], _ repository: String = "team/a") throws -> Bool {
        try calls.store.blob(.sha256(sha256(bytes)), in: repository, leasing: false) != nil
    }

    private func delta() throws -> Delta {
        let index = try ChunkIndex(reading: BytesSource(blob))
        let answer = calls.call("POST", query(Route.chunksMissing), body: index.ids, piece: 1 << 20)
        #expect(answer.status == 200)
        let found = try FoundChunks(parsing: answer.content)
        #expect(found.bases == [sha256(base)])
        return Delta(of: index, runs: found.runs, bases: found.bases)
    }

    @Test func `make a blob from another one and what differs`() throws {
        let ahead = calls.call("POST", query(Route.chunksMissing))
        #expect(ahead.status == 200 && ahead.json?["runs"]?.array?.isEmpty == true, "an empty list asks whether there is anything")
        let delta = try delta()
        #expect(delta.freshBytes < 2 * Chunker.longest)
        let answer = calls.call("POST", query(Route.chunks), body: try delta.encoded(of: BytesRegion(blob)).readAll(), piece: 1 << 20)
        #expect(answer.status == 201 && answer.headers["Docker-Content-Digest"] == sha256(blob).description)
        #expect(try shows(blob))
        #expect(try calls.store.open(sha256(blob)).readAll() == blob)
        let kept = try Files.read("\(calls.folder.path)/chunks/\(sha256(blob).hex)")
        #expect(kept == (try ChunkIndex(reading: BytesSource(blob)).records), "its index follows from that of the base")
    }

    @Test func `tell the index of a blob`() throws {
        let answer = calls.call("GET", Route.chunkIndex(sha256(base), repository: "team/a"))
        #expect(answer.status == 200)
        #expect(ChunkIndex(records: answer.content, size: base.count) == (try ChunkIndex(reading: BytesSource(base))))
        // The same from a kept, a damaged and a removed file.
        let path = "\(calls.folder.path)/chunks/\(sha256(base).hex)"
        #expect(try Files.read(path) == answer.content)
        for damage: [UInt8] in [[], [1, 2, 3], Array(answer.content.dropLast(9)), [UInt8](repeating: 0, count: answer.content.count)] {
            try Files.replace(path, with: damage)
            #expect(calls.call("GET", Route.chunkIndex(sha256(base), repository: "team/a")).content == answer.content)
            #expect(try Files.read(path) == answer.content, "and mended")
        }
        try Files.removeTree("\(calls.folder.path)/chunks")
        #expect(calls.call("GET", Route.chunkIndex(sha256(base), repository: "team/a")).content == answer.content)
    }

    @Test func `show nothing of another repository`() throws {
        let index = try ChunkIndex(reading: BytesSource(blob))
        let asked = calls.call("POST", query(Route.chunksMissing, "team/b"), body: index.ids, piece: 1 << 20)
        #expect(asked.status == 404 && asked.code == "NOT_FOUND")
        let body = try delta().encoded(of: BytesRegion(blob)).readAll()
        let made = calls.call("POST", query(Route.chunks, "team/b"), body: body, piece: 1 << 20)
        #expect(made.status == 404 && made.code == "BLOB_UNKNOWN")
        #expect(try !shows(blob, "team/b") && !shows(blob))
        #expect(calls.call("GET", Route.chunkIndex(sha256(base), repository: "team/b")).code == "BLOB_UNKNOWN")
        #expect(calls.call("GET", Route.chunkIndex(sha256(blob), repository: "team/a")).code == "BLOB_UNKNOWN")
    }

    @Test func `refuse what lies, and store nothing of it`() throws {
        let delta = try delta()
        let right = try delta.encoded(of: BytesRegion(blob)).readAll()
        var other = right
        other[other.count - 1] ^= 1
        var fresh = right
        let place = 1 + 32 + 11 + 6 + 10
        fresh[place] ^= 1
        for (name, body) in [
            ("an offset that lies", other), ("new bytes that lie", fresh), ("cut off", Array(right.dropLast(1))), ("empty", []),
            ("longer", right + [0, 0, 0, 0, 0, 1, 0]),
        ] {
            let answer = calls.call("POST", query(Route.chunks), body: body, piece: 1 << 20)
            #expect(answer.status == 400 && ["INVALID_CONTENT", "DIGEST_INVALID"].contains(answer.code), "\(name): \(answer.code ?? "")")
            #expect(try !shows(blob), "\(name)")
        }
        let wrongSize = calls.call("POST", query(Route.chunks, size: blob.count + 1), body: right, piece: 1 << 20)
        #expect(wrongSize.code == "INVALID_CONTENT")
        #expect(throws: RegistryError.self) { _ = try calls.store.size(of: sha256(blob)) }
    }

    @Test func `leave nothing when the disk is full`() throws {
        let folder = try TemporaryFolder()
        let calls = try DirectCalls(store: DiskStore(at: folder.path))
        try put(calls.store, "team/a:1", ["data": base])
        let body = try delta().encoded(of: BytesRegion(blob)).readAll()
        Fault.inject("write", ENOSPC, under: folder.path + "/uploads", after: 3)
        defer { Fault.clear(under: folder.path + "/uploads") }
        let full = calls.call("POST", query(Route.chunks), body: body, piece: 1 << 20)
        #expect(full.status == 507 && full.code == "STORAGE_FULL")
        #expect(try calls.store.blob(.sha256(sha256(blob)), in: "team/a", leasing: false) == nil)
        #expect(try Files.names(in: folder.path + "/uploads").isEmpty)
        #expect(calls.call("POST", query(Route.chunks), body: body, piece: 1 << 20).status == 201, "and the next try goes on")
        #expect(try calls.store.open(sha256(blob)).readAll() == blob)
    }

    @Test func `refuse questions that are none`() throws {
        for (name, target, code) in [
            ("no repository", "\(Route.chunks)?digest=\(sha256(blob))&size=9999999", "INVALID_QUERY"),
            ("no digest", "\(Route.chunks)?repository=a&size=9999999", "DIGEST_INVALID"),
            ("no size", "\(Route.chunks)?repository=a&digest=\(sha256(blob))", "INVALID_QUERY"),
            ("a short blob", query(Route.chunks, size: ChunkIndex.smallestBlob - 1), "INVALID_QUERY"),
            ("an endless blob", query(Route.chunksMissing, size: ChunkIndex.largestBlob + 1), "INVALID_QUERY"),
            ("a negative size", query(Route.chunksMissing, size: -1), "INVALID_QUERY"),
        ] {
            #expect(calls.call("POST", target).code == code, "\(name)")
        }
        #expect(calls.call("POST", query(Route.chunksMissing), body: [1, 2, 3]).code == "INVALID_REQUEST")
        #expect(calls.call("GET", "/api/v1/chunks/sha256:12?repository=a").code == "DIGEST_INVALID")
        #expect(calls.call("GET", query(Route.chunks)).status == 405)
        let short = [UInt8](repeating: 1, count: 1000)
        try upload(short, to: "team/a")
        #expect(calls.call("GET", Route.chunkIndex(sha256(short), repository: "team/a")).code == "NOT_FOUND", "short blobs have no index")
    }

    @Test func `lease what an answer names`() throws {
        let calls = try DirectCalls()
        try put(calls.store, "team/a:1", ["data": base])
        let index = try ChunkIndex(reading: BytesSource(blob))
        let answer = calls.call("POST", query(Route.chunksMissing), body: index.ids, piece: 1 << 20)
        #expect(answer.json?["bases"]?.array == [.string(sha256(base).description)])
        _ = try calls.store.remove(registry: "", repository: "team/a", selector: .tag("1"))
        _ = try calls.store.collect(dryRun: false, leaseTime: nil)
        #expect(try calls.store.blob(.sha256(sha256(base)), in: "team/a", leasing: false) != nil)
    }

    @Test func `are told to come again while others are served`() throws {
        let service = ChunkService(folder: calls.folder.path, store: calls.store, workers: Workers(long: 1))
        defer { service.workers.close() }
        let error = #expect(throws: RegistryError.self) {
            try service.taking { try service.taking { try service.taking { Issue.record("three at a time") } } }
        }
        #expect(error?.code == .overloaded)
        #expect(try service.taking { true }, "and served afterwards")
        service.workers.cancel()
        #expect(throws: RegistryError.self, "a server that stops begins nothing") { try service.taking {} }
    }

    @Test func `refuse lists that are too long`() throws {
        let answer = calls.call(
            "POST", query(Route.chunksMissing), body: [UInt8](repeating: 0, count: ChunkIndex.countLimit * ChunkIndex.idBytes + 6),
            piece: 1 << 20)
        #expect(answer.code == "CONTENT_TOO_LARGE")
    }
}

/// A number that looks random.
private func mixed(_ value: UInt64) -> UInt64 {
    var mixed = value &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
}
