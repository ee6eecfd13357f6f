import Foundation
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore
import RxTesting
import Testing

/// What a disk has changed is never sent as if it were whole. Source: Specs/06-http, "Server".
@Suite struct DamagedBlobTests {
    let server: TestServer
    let store: DiskStore
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        server = try TestServer(store: store)
    }

    func path(_ digest: Digest) -> String { "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)" }

    func upload(_ bytes: [UInt8]) throws -> Digest {
        let upload = try store.beginUpload(in: "r")
        try bytes.withUnsafeBytes { try upload.append($0) }
        return try upload.finish(as: .sha256(sha256(bytes))).digest
    }

    /// Changes one byte in place, the length and the time of the change of content staying as they were.
    func flip(_ digest: Digest, at offset: Int) throws {
        var before = stat()
        #expect(stat(path(digest), &before) == 0)
        #expect(chmod(path(digest), 0o644) == 0)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path(digest)))
        try file.seek(toOffset: UInt64(offset))
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data([byte ^ 1]))
        try file.close()
        var times = [before.st_atim, before.st_mtim]
        #expect(utimensat(AT_FDCWD, path(digest), &times, 0) == 0)
    }

    /// Asks for a blob, maybe with more arguments of curl; the status is 0 where the connection broke off.
    func get(_ digest: Digest, _ more: String...) throws -> (status: Int, body: Data) {
        let ended = try run(
            "curl",
            ["-sS", "--max-time", "300", "-o", "\(folder.path)/body", "-w", "%{http_code}"] + more + ["\(server.url)/v2/r/blobs/\(digest)"])
        return (ended.status == 0 ? Int(ended.text) ?? -1 : 0, (try? Data(contentsOf: folder.url.appendingPathComponent("body"))) ?? Data())
    }

    @Test(arguments: [1, 64 << 10, 1 << 20, 9 << 20, 40 << 20])
    func `a blob that changed before it was first asked for, or between two requests, is not there any more, and heals`(_ size: Int) throws
    {
        let bytes = noise(size)
        let digest = try upload(bytes)
        for isKnown in [true, false] {
            if isKnown {
                // From the file, and what is short from memory.
                for _ in 0..<3 { #expect(try get(digest) == (200, Data(bytes))) }
            }
            try flip(digest, at: size / 2)
            // What is held in memory is right and stays right.
            let isHeld = isKnown && size <= 128 << 10
            for part in [["-r", "0-0"], []] where !isHeld {
                let answer = try run(
                    "curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}"] + part + ["\(server.url)/v2/r/blobs/\(digest)"])
                #expect(answer.text == "404", "\(isKnown) \(part)")
            }
            if isHeld {
                #expect(try get(digest).body == Data(bytes))
                #expect(throws: ContentError.self) { try store.open(digest).readAll() }
            }
            #expect(try get(digest).status == 404)
            #expect(try get(digest, "-I").status == 404)
            #expect(try store.blob(.sha256(digest), in: "r", leasing: true) == nil)
            #expect(try RxPosix.Files.names(in: folder.path + "/damaged").count == (isKnown ? 1 : 2))
            #expect(try upload(bytes) == digest)
            #expect(try get(digest) == (200, Data(bytes)))
            #expect(try store.verify(VerifyOptions(), with: NoHelp()).isClean)
        }
    }

    @Test func `a longer blob than anybody waits for breaks off when it is damaged, and is whole when it is not`() throws {
        // Nothing but the end of a long hole: it takes no room on the disk.
        let size = 1 << 30 + 4096
        let hasher = SHA256Hasher()
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<1024 { zeros.withUnsafeBytes { hasher.update($0) } }
        zeros[..<4096].withUnsafeBytes { hasher.update($0) }
        let digest = hasher.finish()
        // A row as an upload writes it, over a file with that length.
        let small = try upload([1, 2, 3])
        _ = small
        let file = path(digest)
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        #expect(truncate(file, off_t(size)) == 0)
        try catalog(
            "INSERT INTO blobs VALUES (X'\(digest.hex)', \(size), 1); INSERT INTO leases VALUES ('repository r', X'\(digest.hex)', 99999999999)"
        )
        func ask() throws -> (status: Int32, count: String) {
            let ended = try run(
                "curl", ["-sS", "--max-time", "300", "-o", "/dev/null", "-w", "%{size_download}", "\(server.url)/v2/r/blobs/\(digest)"])
            return (ended.status, ended.text)
        }
        var answer = try ask()
        #expect(answer.status == 0 && answer.count == "\(size)")
        // From the file now, until that changes.
        answer = try ask()
        #expect(answer.status == 0 && answer.count == "\(size)")
        try flip(digest, at: size - 1)
        answer = try ask()
        #expect(answer.status != 0 && answer.count != "\(size)", "\(answer)")
        #expect(try get(digest).status == 404)
    }

    private func catalog(_ sql: String) throws {
        let ended = try run(
            "python3",
            [
                "-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2])", folder.path + "/catalog.sqlite",
                sql,
            ])
        #expect(ended.status == 0, "\(ended.error)")
    }

    @Test func `a manifest whose bytes changed is not there, and heals when it is put again`() throws {
        let manifest = Array(
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"a":"b"}}"#.utf8)
        let body = try folder.write("manifest", manifest)
        func put() throws -> String {
            try run(
                "curl",
                [
                    "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-H",
                    "Content-Type: application/vnd.oci.image.index.v1+json",
                    "--data-binary", "@\(body)", "\(server.url)/v2/r/manifests/1",
                ]
            ).text
        }
        func status() throws -> String {
            try run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "\(server.url)/v2/r/manifests/1"]).text
        }
        #expect(try put() == "201")
        #expect(try status() == "200")
        try catalog("UPDATE manifests SET bytes = CAST(bytes || ' ' AS BLOB)")
        #expect(try status() == "404")
        #expect(try put() == "201")
        #expect(try status() == "200")
    }

    @Test func `a manifest whose bytes changed names no file to anybody, is not put under another tag, and heals by a push`() throws {
        let record = try put(store, "a:1", ["small.txt": noise(100)])
        let right = try #require(try store.artifact(registry: "", repository: "a", name: .tag("1"))).bytes
        func damage() throws {
            try catalog("UPDATE manifests SET bytes = CAST(replace(CAST(bytes AS TEXT), 'small.txt', 'smalk.txt') AS BLOB)")
            #expect(try !store.isWhole(record.manifestDigest, in: "a"))
        }
        func status(_ path: String) throws -> String {
            try run("curl", ["-sS", "-o", "\(folder.path)/body", "-w", "%{http_code}", "\(server.url)\(path)"]).text
        }
        let locator = try Locator(parsing: "a:1")
        let readers = [Route.resourceWithFiles(locator), Route.resourceWithManifest(locator), Route.content(locator)]
        #expect(try store.isWhole(record.manifestDigest, in: "a"))
        for tag in ["2", "1"] {
            try damage()
            // An archive that was made before is right, and is given.
            for path in readers where tag == "2" || path != Route.content(locator) {
                #expect(try status(path) == "500", "\(path) \(tag)")
                let answer = try JSON(parsing: Array(Data(contentsOf: folder.url.appendingPathComponent("body"))))
                #expect(answer["code"]?.string == "CONTENT_DAMAGED" && answer["hint"]?.string?.contains("verify --repair") == true)
            }
            let error = #expect(throws: ContentError.self) { try store.manifest(of: record) }
            #expect(error?.code == .contentDamaged && error?.hint != nil)
            let commit = Route.blobs(commit: record.manifestDigest, as: try Locator(parsing: "a:\(tag)"))
            // Until it was sent once it is no blob of the repository either.
            if tag == "2" {
                let unknown = try server.connect().post(commit, [:], batch([]))
                #expect(unknown.code == "MANIFEST_UNKNOWN", "\(unknown.text)")
            }
            let answer = try server.connect().post(commit, [:], batch([right]))
            #expect(answer.status == 201, "\(answer.text)")
            for each in ["1", tag] {
                let stored = try #require(try store.artifact(registry: "", repository: "a", name: .tag(each)))
                #expect(stored.digest == record.manifestDigest && stored.bytes == right)
            }
            for path in readers { #expect(try status(path) == "200") }
            #expect(try store.verify(VerifyOptions(), with: NoHelp()).isClean)
        }
    }
}
