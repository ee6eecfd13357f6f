import Foundation
import RxHTTP
import RxPosix
import RxTesting
import Testing

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
            let end = Clock.monotonic + 10_000_000_000
            var status = 0
            repeat {
                let next = try server.connect()
                try next.send("\(head)Content-Range: \(held)-\(held + 2)\r\nContent-Length: 3\r\n\r\nabc")
                status = try next.answer().status
            } while status == 416 && Clock.monotonic < end
            #expect(status == 202)
        }
    }
}
