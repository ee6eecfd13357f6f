import Foundation
import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxServer

/// Streams of many blobs, as they come from clients that behave and from those that do not.
@Suite struct `Transfers` {
    private static let path = Route.blobs(repository: "a")

    @Test func `carry large blobs both ways`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path))
        let sent = [noise(9 << 20), [UInt8](repeating: 7, count: 5 << 20), [], noise(1)]
        let answer = try server.connect().post(Transfers.path, [:], batch(sent))
        #expect(try StoredAnswer(parsing: answer.body) == StoredAnswer(stored: 4, bytes: (14 << 20) + 1))
        for coding in ["identity", "gzip", "zstd"] {
            let query = FetchQuery(repository: "a", .digests(sent.map { sha256($0) }))
            let answer = try server.connect().post(Route.blobsFetch, ["Accept-Encoding": coding], query.canonical)
            #expect(answer.headers["Content-Length"] != nil || coding != "identity")
            #expect(try blobs(of: answer.body) == sent, "\(coding)")
        }
        #expect(try server.leftovers() == [])
    }

    @Test func `a body may be chunked, in pieces of any size`() throws {
        let server = try TestServer()
        let sent = [noise(3000), noise(100), noise(70_000)]
        let connection = try server.connect()
        try connection.send("POST \(Transfers.path) HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        let body = try batch(sent)
        var start = 0
        for size in [1, 511, 513, 7, 60_000, .max] {
            let piece = body[start..<min(body.count, size == .max ? body.count : start + size)]
            try connection.send(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
            start += piece.count
        }
        try connection.send("0\r\n\r\n")
        #expect(try connection.answer().status == 200)
        #expect(try server.missing(sent, in: "a") == [])
    }

    @Test func `what came is in its place while more of the stream is on its way`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path))
        let sent = (0..<9).map { _ in noise(2 << 20) }
        let body = try batch(sent)
        let connection = try server.connect()
        let early = body.count - (1 << 20)
        try connection.send(RawConnection.head(Transfers.path, length: body.count) + body.prefix(early))
        var present = 0
        #expect(
            try waitUntil {
                present = try sent.count - server.missing(sent, in: "b").count
                return present >= 4
            })
        #expect(4...8 ~= present)
        try connection.send(Array(body.dropFirst(early)))
        #expect(try connection.answer().status == 200)
    }

    @Test func `a stream may have more blobs than wait at a time`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path))
        let sent = (0..<17_000).map { Array("\($0)".utf8) }
        let answer = try server.connect().post(Transfers.path, [:], batch(sent))
        #expect(try StoredAnswer(parsing: answer.body).stored == sent.count)
        #expect(try server.missing(sent, in: "a") == [])
    }

    @Test func `what was complete stays when a client goes away midway`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path))
        let sent = (0..<50).map { _ in noise(10_000) }
        let body = try batch(sent)
        let connection = try server.connect()
        // The last entry's content and the end mark do not come.
        try connection.send(RawConnection.head(Transfers.path, length: body.count) + body.prefix(body.count - 11_000))
        // A reset takes with it what nobody has read.
        #expect(try connection.isRead())
        connection.reset()
        #expect(try waitUntil { try server.missing(sent, in: "b").count <= 1 })
        #expect(try server.missing(sent, in: "b") == [sha256(sent[49])])
        func isAborted(_ line: JSON) -> Bool { line["path"]?.string == Transfers.path && line["aborted"] == true }
        #expect(try server.log { $0.contains(where: isAborted) }.contains(where: isAborted))
    }

    @Test func `an answer comes before the body has ended when something is wrong with it`() throws {
        let server = try TestServer()
        let wrong = RawTar().entry("blobs/sha256/\(sha256([1]).hex)", content: [2]).closed
        let connection = try server.connect()
        // 200 MB are announced and never come.
        try connection.send(RawConnection.head(Transfers.path, length: 200_000_000) + wrong + [UInt8](repeating: 0, count: 600_000))
        #expect(waitUntil { connection.hasAnswer })
        // What comes on is passed over, as long as the other side has patience.
        try? connection.send([UInt8](repeating: 0, count: 100_000))
        let answer = try connection.answer()
        #expect(answer.status == 400)
        #expect(answer.code == "DIGEST_INVALID")
    }

    @Test func `a bomb is refused at its header`() throws {
        let server = try TestServer { $0.maxUnpackedBytes = 1 << 20 }
        let bomb = RawTar().entry("blobs/sha256/\(sha256([1]).hex)", size: 1 << 32).bytes + [UInt8](repeating: 0, count: 1 << 20)
        let answer = try server.connect().post(Transfers.path, [:], zstdCompressed(bomb))
        #expect(answer.status == 400)
        #expect(answer.code == "INVALID_CONTENT")
        let nested = try zstdCompressed([UInt8](repeating: 0, count: 64 << 20))
        #expect(try server.connect().post(Transfers.path, [:], nested).status == 400)
        let question = try zstdCompressed([UInt8](repeating: 0x20, count: 64 << 20))
        let asked = try server.connect().post(Route.blobsMissing, ["Content-Encoding": "zstd"], question)
        #expect(asked.status == 413)
        #expect(asked.code == "CONTENT_TOO_LARGE")
    }

    @Test func `names of too many blobs are refused`() throws {
        let server = try TestServer()
        let digest = "\"\(sha256([]))\""
        let list = Array(repeating: digest, count: TransferWire.mostBlobs + 1).joined(separator: ",")
        let answer = try server.connect().post(Route.blobsFetch, [:], Array("{\"repository\":\"a\",\"digests\":[\(list)]}".utf8))
        #expect(answer.status == 413)
        #expect(answer.code == "CONTENT_TOO_LARGE")
    }

    @Test func `more than are allowed at a time are told to wait`() throws {
        let server = try TestServer { $0.maxTransfers = 2 }
        let body = try batch([noise(50_000)])
        let half = RawConnection.head(Transfers.path, length: body.count) + body.prefix(20_000)
        let open = [try server.connect(), try server.connect()]
        for each in open { try each.send(half) }
        #expect(waitUntil { server.server.server.workers.transfers.taken == 2 })
        let refused = try server.connect().post(Transfers.path, [:], body)
        #expect(refused.status == 503)
        #expect(refused.code == "OVERLOADED")
        #expect(refused.headers["Retry-After"] == "1")
        for each in open {
            try each.send(Array(body.dropFirst(20_000)))
            #expect(try each.answer().status == 200)
        }
        #expect(try server.connect().post(Transfers.path, [:], body).status == 200)
        let query = FetchQuery(repository: "a", .digests([sha256(noise(1))]))
        #expect(try server.connect().post(Route.blobsFetch, [:], query.canonical).status == 404)
    }

    @Test func `a client that stops reading holds a few buffers, and is closed`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path)) {
            $0.idleSeconds = 10
            $0.maxTransfers = 1
        }
        let large = noise(40 << 20)
        #expect(try server.connect().post(Transfers.path, [:], batch([large])).status == 200)
        let query = FetchQuery(repository: "a", .digests([sha256(large)]))
        let connection = try server.connect()
        try connection.send(RawConnection.head(Route.blobsFetch, length: query.canonical.count) + query.canonical)
        _ = try connection.some()
        // Others are served meanwhile, and the place is free once the connection is closed.
        #expect(try server.connect().post(Route.blobsFetch, [:], query.canonical).status == 503)
        #expect(try server.curl("/healthz").text == "{\"status\":\"ok\"}")
        var status = 0
        _ = try waitUntil(120) {
            usleep(200_000)
            status = try server.connect().post(Route.blobsFetch, [:], query.canonical).status
            return status == 200
        }
        #expect(status == 200)
        func isAborted(_ line: JSON) -> Bool { line["path"]?.string == Route.blobsFetch && line["aborted"] == true }
        let line = try #require(try server.log { $0.contains(where: isAborted) }.first(where: isAborted))
        #expect(line["bytes"]?.int ?? 0 < 40 << 20)
    }

    @Test func `a client that stops sending is closed, and what was complete stays`() throws {
        let server = try TestServer {
            $0.idleSeconds = 3
            $0.maxTransfers = 1
        }
        let sent = [noise(1000), noise(100_000)]
        let body = try batch(sent)
        let connection = try server.connect()
        try connection.send(RawConnection.head(Transfers.path, length: body.count) + body.prefix(50_000))
        #expect(connection.closes())
        #expect(try waitUntil { try server.connect().post(Transfers.path, [:], batch([])).status == 200 })
        #expect(try server.missing(sent, in: "a") == [sha256(sent[1])])
    }

    @Test func `a client that sends next to nothing loses its place, and what was complete stays`() throws {
        let server = try TestServer {
            $0.idleSeconds = 5
            $0.maxTransfers = 1
        }
        let sent = [noise(1000), noise(100_000)]
        let body = try batch(sent)
        let connection = try server.connect()
        try connection.send(RawConnection.head(Transfers.path, length: body.count) + body.prefix(50_000))
        // Something moves all the time, so that the connection is never idle.
        var at = 50_000
        for _ in 0..<1200 where !connection.hasAnswer {
            // It may have been answered a moment ago.
            try? connection.send(Array(body[at..<at + 10]))
            at += 10
            usleep(50_000)
        }
        let answer = try connection.answer()
        #expect(answer.status == 408)
        #expect(answer.code == "REQUEST_TIMEOUT")
        #expect(answer.text.contains("the stream came too slowly"))
        #expect(try server.connect().post(Transfers.path, [:], batch([])).status == 200)
        #expect(try server.missing(sent, in: "a") == [sha256(sent[1])])
    }

    @Test func `a client that is slow, but not that slow, gets through`() throws {
        let server = try TestServer { $0.idleSeconds = 4 }
        let body = try batch([noise(300_000)])
        let connection = try server.connect()
        try connection.send(RawConnection.head(Transfers.path, length: body.count))
        // Three times the rate that is asked for, by the clock: who comes late sends more at once.
        let begun = Clock.monotonic
        var sent = 0
        while sent < body.count {
            usleep(80_000)
            let due = min(body.count, (Clock.monotonic - begun) / 1_000_000 * (3 * 16))
            if due > sent { try connection.send(Array(body[sent..<due])) }
            sent = max(sent, due)
        }
        #expect(try connection.answer().status == 200)
    }

    @Test func `an answer that is taken too slowly ends`() throws {
        // Nobody takes anything, and nothing is asked of the connection.
        let stream = OutgoingStream(ConnectionSwitch(OpaquePointer(bitPattern: 8)!), paceSeconds: 1)
        let start = Clock.monotonic
        let full = [UInt8](repeating: 1, count: OutgoingStream.capacity)
        try full.withUnsafeBytes { try stream.write($0) }
        let error = #expect(throws: RegistryError.self) { try [1].withUnsafeBytes { try stream.write($0) } }
        #expect(error?.code == .requestTimeout)
        #expect(4_000_000_000...80_000_000_000 ~= Clock.monotonic - start)
    }

    @Test func `a stop ends streams both ways`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path)) { $0.drainSeconds = 1 }
        let large = noise(30 << 20)
        #expect(try server.connect().post(Transfers.path, [:], batch([large])).status == 200)
        let query = FetchQuery(repository: "a", .digests([sha256(large)]))
        let reading = try server.connect()
        try reading.send(RawConnection.head(Route.blobsFetch, length: query.canonical.count) + query.canonical)
        _ = try reading.some()
        let sent = [noise(1000), noise(100_000)]
        let body = try batch(sent)
        let sending = try server.connect()
        try sending.send(RawConnection.head(Transfers.path, length: body.count) + body.prefix(50_000))
        #expect(try sending.isRead() && server.isBusy(with: 2))
        let start = Clock.monotonic
        server.server.stop()
        // Far from the 60 s that an idle connection has.
        #expect(1_000_000_000...40_000_000_000 ~= Clock.monotonic - start)
        var received = 0
        while let more = try? reading.some() { received += more.count }
        #expect(received < 30 << 20)
        let store = try DiskStore(at: folder.path)
        #expect(try store.sizes(of: sent.map { sha256($0) }, in: "a") == [sha256(sent[0]): 1000])
    }

    @Test func `a blob that is lost midway cuts the answer short`() throws {
        let folder = try TemporaryFolder()
        let server = try TestServer(store: DiskStore(at: folder.path))
        let sent = [noise(2 << 20), noise(1 << 20)]
        #expect(try server.connect().post(Transfers.path, [:], batch(sent)).status == 200)
        let hex = sha256(sent[1]).hex
        try FileManager.default.removeItem(atPath: "\(folder.path)/blobs/sha256/\(hex.prefix(2))/\(hex)")
        for coding in ["identity", "zstd"] {
            let query = FetchQuery(repository: "a", .digests(sent.map { sha256($0) }))
            #expect(throws: RawConnection.Closed.self) {
                try server.connect().post(Route.blobsFetch, ["Accept-Encoding": coding], query.canonical)
            }
        }
        func aborted(_ lines: [JSON]) -> Int { lines.count { $0["path"]?.string == Route.blobsFetch && $0["aborted"] == true } }
        #expect(aborted(try server.log { aborted($0) >= 2 }) == 2)
        // Who asks for the rest is told what is the matter.
        let rest = FetchQuery(repository: "a", .digests([sha256(sent[1])]))
        let answer = try server.connect().post(Route.blobsFetch, [:], rest.canonical)
        #expect(answer.status == 500 && answer.code == "CONTENT_DAMAGED")
        #expect(answer.text.contains("the registry has lost the content of blob \(sha256(sent[1]))"))
    }

    @Test func `long answers are compressed when the client allows it`() throws {
        let server = try TestServer()
        try put(server.store, "a:1", Dictionary(uniqueKeysWithValues: (0..<300).map { ("file\($0)", Array("\($0)".utf8)) }))
        let plain = try server.curl("/api/v1/resource/a:1?files=true")
        for (coding, tool) in [("gzip", "gzip"), ("zstd", "zstd")] {
            let connection = try server.connect()
            try connection.send("GET /api/v1/resource/a:1?files=true HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(coding)\r\n\r\n")
            let answer = try connection.answer()
            #expect(answer.headers["Content-Encoding"] == tool)
            #expect(answer.headers["Vary"] == "Accept-Encoding")
            #expect(answer.headers["ETag"]?.hasPrefix("W/\"sha256:") == true)
            #expect(answer.body.count * 2 < plain.output.count)
            #expect(try DecodingSource(BytesSource(answer.body)).readAll() == Array(plain.output))
            let tag = answer.headers["ETag"]!
            try connection.send("GET /api/v1/resource/a:1?files=true HTTP/1.1\r\nHost: h\r\nIf-None-Match: \(tag)\r\n\r\n")
            #expect(try connection.answer().status == 304)
        }
        let connection = try server.connect()
        try connection.send("HEAD /api/v1/resource/a:1?files=true HTTP/1.1\r\nHost: h\r\n\r\n")
        let head = try connection.answer(head: true)
        #expect(head.headers["Content-Length"] == String(plain.output.count))
        #expect(head.headers["ETag"]?.hasPrefix("\"sha256:") == true)
        try connection.send("GET /api/v1/resource/a:1 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: zstd\r\n\r\n")
        #expect(try connection.answer().headers["Content-Encoding"] == nil, "a short one is not")
        try put(server.store, "long:1", ["f": [1]], ["note": .string(String(repeating: "long ", count: 5000))])
        for _ in 0..<2 {
            try connection.send("GET /api/v1/resource/long:1 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: zstd\r\n\r\n")
            #expect(try connection.answer().headers["Content-Encoding"] == "zstd", "nor is it kept from being so")
        }
    }

    @Test func `a body that turns out too long while nobody reads it is refused, and the server stops`() throws {
        let workers = Workers(long: 1)
        // The limit is less than what waits for the reader at most, and more than what comes in one piece.
        let limits = HTTPLimits(bodyBytes: IncomingStream.capacity - 100, drainSeconds: 1)
        let server = try HTTPServer(
            host: "127.0.0.1", port: 0, limits: limits, handler: LateReader(workers: workers), workers: workers, log: .none)
        let connection = try RawConnection(port: server.port)
        let body = [UInt8](repeating: 7, count: 2 * IncomingStream.capacity)
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(String(body.count, radix: 16))\r\n")
        try connection.send(body)
        #expect(try connection.answer().status == 413)
        server.stop()
    }

    @Test func `a stop waits for streams that are about to begin`() throws {
        let transfers = RxServer.Transfers(limit: 1)
        var slot: TransferSlot? = try transfers.reserve()
        transfers.cancel()
        let isOver = Monitor(false)
        let closing = RxPosix.Thread {
            transfers.close()
            isOver.update { $0 = true }
        }
        usleep(50_000)
        #expect(isOver.update { $0 } == false)
        withExtendedLifetime(slot) {}
        slot = nil
        closing.join()
    }
}

/// Reads a body, after a while.
private struct LateReader: HTTPHandler {
    let workers: Workers

    func react(to request: HTTPRequest, id: String) -> Reaction {
        do {
            return .stream(try workers.transfers.reserve()) { source in
                usleep(300_000)
                return (try? source.readAll()) == nil ? HTTPResponse(400) : HTTPResponse(200)
            }
        } catch { return .answer(HTTPResponse(503)) }
    }
}
