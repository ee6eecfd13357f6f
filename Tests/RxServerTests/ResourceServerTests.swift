import Foundation
import RxHTTP
import RxLoader
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxServer

@Suite struct `A server of resources` {
    private func curl(_ server: ResourceServer, _ path: String, _ arguments: String...) throws -> Ended {
        try run(
            "curl", ["-sS", "--max-time", "300", "-w", " %{http_code}"] + arguments + ["http://127.0.0.1:\(server.port)\(path)"])
    }

    @Test func `a router is read and written by curl`() throws {
        let router = Router(["values": MemoryValues(), "hello": Handler { Reply(.text("Hello \($0.path)"), type: "text") }])
        let server = try ResourceServer(HTTPBridge(router))
        defer { server.stop() }
        #expect(try curl(server, "/hello//a%20b/").text == #"{"body":"Hello /a%20b","headers":{"type":"text"}} 200"#)
        #expect(try curl(server, "/values/k", "-X", "PUT", "-d", #"{"n": 1}"#).text.hasSuffix(" 200"))
        #expect(try curl(server, "/values/k").text == #"{"body":{"n":1},"headers":{"type":"json"}} 200"#)
        #expect(try curl(server, "/x?path=/values/k").text.hasPrefix(#"{"body":{"n":1}"#))
        #expect(try curl(server, "/none").text == #"{"body":null,"headers":{"condition":"not-found"}} 200"#)
        #expect(try curl(server, "/values/k", "-X", "DELETE").text.hasSuffix(" 405"))
        #expect(try curl(server, "/values/k", "-d", "{").text.hasSuffix(" 400"))
        let long = String(repeating: "7", count: 1_000_000)
        let folder = try TemporaryFolder()
        let file = try folder.write("body", "[\(long)]")
        #expect(try curl(server, "/values/long", "-T", file).text.hasSuffix(" 200"))
        #expect(try curl(server, "/values/long").text == #"{"body":[\#(long)],"headers":{"type":"json"}} 200"#)
    }

    @Test func `a slow resource holds up no other, and a stop ends what never answers`() throws {
        let asked = Mutex(0)
        let stuck = Handler { _ in
            asked.withLock { $0 += 1 }
            try await Task.sleep(for: .seconds(600))
            return Reply()
        }
        let server = try ResourceServer(HTTPBridge(Router(["stuck": stuck, "quick": MemoryValues()])), threads: 8, drainSeconds: 1)
        let url = "http://127.0.0.1:\(server.port)/stuck"
        let waiting = (0..<4).map { _ in
            Background { try? run("curl", ["-sS", "--max-time", "300", "-w", " %{http_code}", url]).text }
        }
        #expect(waitUntil { asked.withLock { $0 } == 4 })
        #expect(try curl(server, "/quick").text.hasSuffix(" 200"))
        let start = ContinuousClock.now
        server.stop()
        #expect(ContinuousClock.now - start < .seconds(100))
        for answer in waiting { #expect(answer.value?.hasSuffix(" 503") == true) }
    }
}
