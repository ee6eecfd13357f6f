import Foundation
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxServer
import RxStore
import RxTesting
import Testing

/// Clients that take an answer slowly, all the time. Source: Specs/06-http, API-051.
@Suite struct `Slow receivers` {
    /// How an answer's body is sent.
    enum Sending: CaseIterable { case file, memory, stream }

    @Test(arguments: Sending.allCases)
    func `a client that takes an answer slowly, but all the time, gets all of it`(_ sending: Sending) throws {
        let folder = try TemporaryFolder()
        let store: any Store = sending == .memory ? MemoryStore() : try DiskStore(at: folder.path)
        let server = try TestServer(store: store) { $0.idleSeconds = 2 }
        let content = noise(16 << 20)
        #expect(try server.connect().post("/v2/a/blobs/uploads/?digest=\(sha256(content))", [:], content).status == 201)

        // Nothing but the server's own system hides how much was taken.
        let client = try RawConnection(port: server.port, receiveBuffer: 32 << 10)
        if sending == .stream {
            let query = FetchQuery(repository: "a", .digests([sha256(content)])).canonical
            try client.send(RawConnection.head(Route.blobsFetch, length: query.count) + query)
        } else {
            try client.send("GET /v2/a/blobs/\(sha256(content)) HTTP/1.1\r\nHost: h\r\n\r\n")
        }
        var taken: [UInt8] = []
        let end = Clock.monotonic + 6_000_000_000
        while Clock.monotonic < end {
            taken += try client.some(atMost: 20 << 10)
            usleep(80_000)
        }
        #expect(taken.count < 4 << 20, "it was taken fast")
        while taken.count < content.count { taken += try client.some() }
        #expect(Data(taken).range(of: Data(content.prefix(100))) != nil)
    }

    @Test func `a client that takes nothing of an answer is closed`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path)) { $0.idleSeconds = 1 }
        let content = noise(16 << 20)
        #expect(try server.connect().post("/v2/a/blobs/uploads/?digest=\(sha256(content))", [:], content).status == 201)
        let client = try RawConnection(port: server.port, receiveBuffer: 32 << 10)
        let start = Date()
        try client.send("GET /v2/a/blobs/\(sha256(content)) HTTP/1.1\r\nHost: h\r\n\r\n")
        let line = try #require(try server.log(lines: 2).first { $0["method"]?.string == "GET" })
        #expect(line["aborted"] == true)
        #expect(Date().timeIntervalSince(start) < 8)
        withExtendedLifetime(client) {}
    }
}
