import Foundation
import RxCrypto
import RxHTTP
import RxPosix
import RxProtocol
import RxTesting
import Testing

@testable import RxServer

/// An upload whose client has died is free for the next one at once, not when the connection has been idle too long.
@Suite struct CutUploadTests {
    @Test(arguments: [1, 20_000, 100_000]) func `goes on at once`(_ held: Int) throws {
        let server = try TestServer()
        for _ in 0..<20 {
            let first = try server.connect()
            try first.send("POST /v2/team/a/blobs/uploads/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            let place = try #require(try first.answer().headers["Location"])
            let head = "PATCH \(place) HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\n"
            // The bytes and the end of the connection come together.
            try first.send(Array("\(head)Content-Length: 200000\r\n\r\n".utf8) + [UInt8](repeating: 7, count: held))
            first.finishSending()
            let end = Clock.monotonic + 45_000_000_000
            var status = 0
            repeat {
                let next = try server.connect()
                try next.send("\(head)Content-Range: \(held)-\(held + 2)\r\nContent-Length: 3\r\n\r\nabc")
                status = try next.answer().status
            } while status == 416 && Clock.monotonic < end
            #expect(status == 202)
        }
    }

    /// A stream's place, too, and what came whole of it is there at once.
    @Test(arguments: [true, false]) func `leaves its place and what was complete at once`(isChunked: Bool) throws {
        let server = try TestServer { $0.maxTransfers = 1 }
        for _ in 0..<3 {
            let sent = (0..<10).map { _ in noise(10_000) }
            let part = try batch(sent).prefix(60_000)
            let path = Route.blobs(repository: "a")
            let connection = try server.connect()
            if isChunked {
                let head = "POST \(path) HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(String(part.count, radix: 16))\r\n"
                try connection.send(Array(head.utf8) + part + Array("\r\n".utf8))
            } else {
                try connection.send(RawConnection.head(path, length: 1_000_000) + part)
            }
            connection.finishSending()
            let end = Clock.monotonic + 45_000_000_000
            var status = 0
            repeat {
                usleep(20_000)
                status = try server.connect().post(path, [:], []).status
            } while status == 503 && Clock.monotonic < end
            #expect(status == 200)
            #expect(try server.missing(sent, in: "a") == sent[5...].map { sha256($0) })
        }
    }

    @Test func `is answered when a chunked one is whole, and its client only has no more to send`() throws {
        let server = try TestServer()
        let sent = (0..<3).map { _ in noise(10_000) }
        let body = try batch(sent)
        let connection = try server.connect()
        let head = "POST \(Route.blobs(repository: "a")) HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        try connection.send(Array("\(head)\(String(body.count, radix: 16))\r\n".utf8) + body + Array("\r\n0\r\n\r\n".utf8))
        connection.finishSending()
        #expect(try connection.answer().status == 200)
        #expect(try server.missing(sent, in: "a") == [])
    }
}
