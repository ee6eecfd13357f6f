import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Stopping` {
    private func stop(_ server: TestServer) -> RxPosix.Thread { RxPosix.Thread { server.server.stop() } }

    @Test func `finishes a download that is under way`() throws {
        let server = try TestServer()
        try put(server.store, "a:1", ["f": noise(20_000_000)])
        let whole = try server.curl("/api/v1/content/a", "-o", "/dev/null", "-w", "%{size_download}").text
        let connection = try server.connect()
        try connection.send("GET /api/v1/content/a HTTP/1.1\r\nHost: h\r\n\r\n")
        usleep(100_000)
        let stopping = stop(server)
        usleep(100_000)
        let answer = try connection.answer()
        #expect(String(answer.body.count) == whole)
        stopping.join()
        #expect(connection.closes())
    }

    @Test func `finishes an upload that is under way, and tells its connection to close`() throws {
        let server = try TestServer()
        let request = publishRequest(form(try publishParts()))
        let connection = try server.connect()
        try connection.send(Array(request.prefix(300)))
        usleep(50_000)
        let stopping = stop(server)
        usleep(50_000)
        #expect(throws: (any Error).self) { try server.connect() }
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
        let start = Date()
        let stuck = try server.connect()
        try stuck.send(Array(publishRequest(form(try publishParts())).prefix(300)))
        usleep(50_000)
        server.server.stop()
        #expect(1.0...3.0 ~= Date().timeIntervalSince(start))
        #expect(idle.closes())
        #expect(stuck.closes())
        #expect(try server.leftovers() == [])
    }

    @Test func `is immediate when nothing is under way, and can be repeated`() throws {
        let server = try TestServer()
        let start = Date()
        server.server.stop()
        server.server.stop()
        #expect(Date().timeIntervalSince(start) < 1)
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
