import Foundation
import Glibc
import RxClient
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Testing

@Suite struct TransportFailureTests {
    let transport = CurlTransport(agent: "rx/1.2.3")

    struct Own: Error, Equatable { let number: Int }

    @Test func `an error of a sink, a source or the choice of a sink comes through as it is`() throws {
        final class Refusing: ByteSink, ByteSource {
            func write(_ bytes: UnsafeRawBufferPointer) throws { throw Own(number: 1) }
            func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { throw Own(number: 2) }
        }
        let server = ScriptedServer { connection in
            let head = connection.head()
            if head.hasPrefix("PUT") || head.hasPrefix("POST") {
                connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                _ = connection.chunks()
            }
            connection.answer(200, [:], "body")
        }
        let get = TransportRequest("GET", server.url())
        #expect(throws: Own(number: 1)) { try transport.perform(get) { _ in Refusing() } }
        #expect(throws: Own(number: 3)) { try transport.perform(get) { _ in throw Own(number: 3) } }
        let put = TransportRequest("PUT", server.url(), body: .stream(Refusing(), length: nil, type: "a/b"))
        #expect(throws: Own(number: 2)) { try transport.collect(put) }
        let post = TransportRequest("POST", server.url(), body: .form(FormPart.publish(locator: "a", manifest: [], content: Refusing())))
        #expect(throws: Own(number: 2)) { try transport.collect(post) }
        #expect(registryError { try transport.collect(get, limit: 3) } == nil)
        #expect(throws: ContentError.self) { try transport.collect(get, limit: 3) }
        #expect(try transport.collect(get).body == Array("body".utf8))
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nConte",
        "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\n" + String(repeating: "X: \(String(repeating: "y", count: 1000))\r\n", count: 300),
    ]) func `half an answer and another protocol are a lost connection`(_ bytes: String) throws {
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.send(bytes)
        }
        let error = try #require(registryError { try transport.collect(TransportRequest("GET", server.url(), endpoint: "the registry")) })
        #expect(error.message.hasPrefix("The connection to the registry was lost: "))
        #expect(error.code == .unreachable)
        #expect((error.cause as? HTTPFailure)?.reason == .interrupted)
    }

    @Test func `nobody listening, and no such host, is Unable to connect`() throws {
        let closed = ClosedPort()
        let port = closed.port
        let refused = try #require(
            registryError { try transport.collect(TransportRequest("GET", "http://u:secret@127.0.0.1:\(port)/api/v1/x?y")) })
        #expect(refused.message == "Unable to connect to http://127.0.0.1:\(port)")
        #expect(refused.code == .unreachable)
        #expect(refused.hint?.contains("onnect") == true)
        #expect(refused.hint?.contains("secret") == false)
        #expect((refused.cause as? HTTPFailure)?.reason == .refused)
        withExtendedLifetime(closed) {}

        let request = TransportRequest("GET", "https://nowhere.invalid/a", endpoint: "https://nowhere.invalid/base")
        // A resolver may take its time to say so.
        let unresolved = try #require(registryError { try patient().collect(request) })
        #expect(unresolved.message == "Unable to connect to https://nowhere.invalid/base")
        #expect(unresolved.hint?.contains("nowhere.invalid") == true)
    }

    @Test(arguments: [
        "", "localhost:3000/x", "ftp://a/b", "file:///etc/passwd", "http://", "http://a b/", "http://a\0b/", "/x", "http://a:99999/",
    ])
    func `what is no web address is refused before anything is sent`(_ url: String) throws {
        let error = try #require(registryError { try transport.collect(TransportRequest("GET", url)) })
        #expect(error.message == "Not a URL that can be asked: \(url)")
        #expect(error.code == .invalidRequest)
    }

    @Test func `a header cannot smuggle another one`() {
        let server = ScriptedServer { connection in connection.answer(200) }
        #expect(registryError { try transport.collect(TransportRequest("GET", server.url(), headers: ["A": "b\r\nC: d"])) } != nil)
        #expect(server.connections == 0)
    }

    @Test func `an answer that stands still is given up, a slow one is not`() throws {
        let server = ScriptedServer { connection in
            let slow = connection.head().contains("/slow")
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n")
            for _ in 0..<(slow ? 12 : 1) {
                connection.send("12345")
                usleep(430_000)
            }
            if !slow { sleep(20) }
        }
        // Twelve times a seventh of what it waits for the next bytes, and more than that in all.
        let impatient = patient { $0.stallSeconds = 3 }
        #expect(try impatient.collect(TransportRequest("GET", server.url("/slow"))).body.count == 60)
        let error = try #require(registryError { try impatient.collect(TransportRequest("GET", server.url("/still"), endpoint: "R")) })
        #expect(error.message.hasPrefix("R stopped answering: no more than "))
        #expect(error.code == .unreachable)
        #expect((error.cause as? HTTPFailure)?.reason == .stalled)
    }

    @Test func `an answer may take longer to begin than to go on`() throws {
        let server = ScriptedServer { connection in
            let head = connection.head()
            connection.send("HTTP/1.1 102 Processing\r\n\r\n")
            sleep(head.contains("/never") ? 30 : 3)
            connection.answer(200)
        }
        let impatient = patient { ($0.stallSeconds, $0.firstByteSeconds) = (2, 12) }
        #expect(try impatient.collect(TransportRequest("GET", server.url("/late"))).head.status == 200)
        let error = try #require(registryError { try impatient.collect(TransportRequest("GET", server.url("/never"))) })
        #expect(error.message == "http://127.0.0.1:\(server.port) stopped answering: no answer for 12 s")
    }

    @Test func `time in a sink or source of the caller is not the network's`() throws {
        final class Slow: ByteSink, ByteSource {
            var left = 3
            func write(_ bytes: UnsafeRawBufferPointer) { pause() }
            func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
                pause()
                guard left > 0 else { return 0 }
                left -= 1
                buffer[0] = 1
                return 1
            }
            func pause() { usleep(2_600_000) }
        }
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            let count = connection.chunks().count
            connection.answer(200, [:], "\(count)")
        }
        let request = TransportRequest("PUT", server.url(), body: .stream(Slow(), length: nil, type: "a/b"))
        let head = try patient { $0.stallSeconds = 2 }.perform(request) { _ in Slow() }
        #expect(head.status == 200)
    }
}
