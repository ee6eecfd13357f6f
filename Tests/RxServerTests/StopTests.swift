import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Synchronization
import Testing

@testable import RxServer

@Suite struct `Stopping` {
    private func stop(_ server: TestServer) -> RxPosix.Thread { RxPosix.Thread { server.server.stop() } }

    @Test func `finishes a download that is under way`() throws {
        let server = try TestServer { $0.drainSeconds = 120 }
        try put(server.store, "a:1", ["f": noise(20_000_000)])
        let whole = try server.curl("/api/v1/content/a", "-o", "/dev/null", "-w", "%{size_download}").text
        let connection = try server.connect()
        try connection.send("GET /api/v1/content/a HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(waitUntil { connection.hasAnswer })
        let stopping = stop(server)
        #expect(waitUntil { server.server.server.draining.load(ordering: .sequentiallyConsistent) })
        let answer = try connection.answer()
        #expect(String(answer.body.count) == whole)
        stopping.join()
        #expect(connection.closes())
    }

    @Test func `finishes an upload that is under way, and tells its connection to close`() throws {
        let server = try TestServer { $0.drainSeconds = 120 }
        let request = publishRequest(form(try publishParts()))
        let connection = try server.connect()
        try connection.send(Array(request.prefix(300)))
        #expect(server.isBusy(with: 1))
        let stopping = stop(server)
        #expect(waitUntil { (try? server.connect()) == nil })
        try connection.send(Array(request.dropFirst(300)))
        let answer = try connection.answer()
        #expect(answer.status == 201)
        #expect(HTTPHeaders.same(answer.headers["Connection"] ?? "", "close"))
        stopping.join()
    }

    @Test func `does not wait for kept connections, and for slow requests only so long`() throws {
        let server = try TestServer { $0.drainSeconds = 1 }
        let idle = try server.connect()
        try idle.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try idle.answer()
        let stuck = try server.connect()
        try stuck.send(Array(publishRequest(form(try publishParts())).prefix(300)))
        #expect(server.isBusy(with: 1))
        let start = Clock.monotonic
        server.server.stop()
        // Far from the 60 s that an idle connection has.
        #expect(1_000_000_000...30_000_000_000 ~= Clock.monotonic - start)
        #expect(idle.closes())
        #expect(stuck.closes())
        #expect(try server.leftovers() == [])
    }

    @Test func `is immediate when nothing is under way, and can be repeated`() throws {
        let server = try TestServer { $0.drainSeconds = 300 }
        let start = Clock.monotonic
        server.server.stop()
        server.server.stop()
        #expect(Clock.monotonic - start < 60_000_000_000)
    }

    @Test func `says why a port cannot be had`() throws {
        let server = try TestServer()
        let error = #expect(throws: RegistryError.self) { try TestServer { $0.port = server.port } }
        #expect(error?.message == "cannot listen on 127.0.0.1 port \(server.port): Address already in use")
        #expect(error?.hint?.contains("--port") == true)
        #expect(throws: RegistryError.self) { try TestServer { $0.host = "no such host" } }
    }

    @Test func `listens on IPv6 as well`() throws {
        guard let server = try? TestServer({ $0.host = "::1" }) else { return }
        #expect(server.url == "http://[::1]:\(server.port)")
        #expect(try server.curl("/healthz", "-g").text == "{\"status\":\"ok\"}")
    }
}
