import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization
import Testing

/// Raw files over real connections from a store on a disk.
@Suite struct `Raw files on a disk` {
    let server: TestServer
    let store: DiskStore
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        server = try TestServer(store: store)
    }

    /// Asks by curl, which follows redirects: the status, and the body.
    func get(_ path: String, _ more: String...) throws -> (status: Int, body: [UInt8]) {
        let ended = try run(
            "curl",
            ["-sS", "--max-time", "30", "-L", "--path-as-is", "-o", "\(folder.path)/body", "-w", "%{http_code}"] + more + [
                server.url + path
            ])
        let body = try? Data(contentsOf: folder.url.appendingPathComponent("body"))
        return (ended.status == 0 ? Int(ended.text) ?? -1 : 0, [UInt8](body ?? Data()))
    }

    @Test(arguments: [1000, 300 << 10, 9 << 20])
    func `that a disk has damaged are not sent`(_ size: Int) throws {
        let bytes = noise(size)
        try put(store, "tools:1.0.0", ["data": bytes])
        let path = "\(folder.path)/blobs/sha256/\(sha256(bytes).hex.prefix(2))/\(sha256(bytes).hex)"
        #expect(chmod(path, 0o644) == 0)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(size / 2))
        try file.write(contentsOf: Data([bytes[size / 2] ^ 1]))
        try file.close()
        for part in [["-r", "0-0"], []] {
            let answer = try run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}"] + part + ["\(server.url)/r/tools:1.0.0/data"])
            #expect(answer.text == "404", "\(part)")
        }
        try put(store, "tools:1.0.0", ["data": bytes])
        #expect(try get("/r/tools:1.0.0/data") == (200, bytes), "and are sent again once they are healed")
    }

    @Test func `come whole, in parts and warm, from files and memory`() throws {
        let bytes = noise(9 << 20)
        try put(store, "acme/tools:1.0.0", ["big.bin": bytes, "small.txt": Array("small\n".utf8)])
        for _ in 0..<3 {
            #expect(try get("/r/acme/tools/small.txt") == (200, Array("small\n".utf8)), "through the redirect")
            #expect(try get("/r/acme/tools:1.0.0/big.bin") == (200, bytes))
            #expect(try get("/r/acme/tools:1.0.0/big.bin", "-r", "1000-1999") == (206, Array(bytes[1000..<2000])))
        }
        for path in ["/r/acme/tools:1.0.0/../../../etc/passwd", "/r/acme/tools:1.0.0/%2e%2e/x", "/r/acme/tools:1.0.0/a%00b"] {
            #expect(try get(path).status == 400, "\(path)")
        }
    }

    @Test func `are answered while resources come and go`() throws {
        try put(store, "acme/tools:1.0.0", ["f": [1]])
        let statuses = Mutex<[String]>([])
        try WorkerPool.forEach(0..<4, threads: 4) { [store, server] index in
            for round in 0..<10 {
                if index == 0 { try put(store, "acme/tools:1.0.\(round + 1)", ["f": [UInt8(round)]]) }
                let ended = try run("curl", ["-sS", "-L", "-o", "/dev/null", "-w", "%{http_code}", "\(server.url)/r/acme/tools/f"])
                statuses.withLock { $0.append(ended.text) }
            }
        }
        #expect(statuses.withLock { $0 } == [String](repeating: "200", count: 40))
    }
}
