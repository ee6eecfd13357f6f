import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxClient

/// nginx with TLS and HTTP/2 on a free loopback port, and a certificate of its own; ended with the object.
final class SecureServer: Sendable {
    private let folder: TemporaryFolder
    private let process: SpawnedProcess
    let port: Int

    var certificate: String { "\(folder.path)/certificate.pem" }
    func url(_ path: String) -> String { "https://localhost:\(port)\(path)" }

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path
        let made = try run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost", "-keyout", "\(path)/key.pem", "-out", "\(path)/certificate.pem",
            ])
        guard made.status == 0 else { throw RegistryError("openssl: \(made.error)", code: .internalError) }
        try folder.write("root/large", Data(repeating: 7, count: 3_000_000))
        port = ClosedPort.unused()
        try folder.write(
            "nginx.conf",
            """
            daemon off; master_process off; pid \(path)/pid; error_log stderr warn; worker_rlimit_nofile 1024;
            events { worker_connections 256; }
            http {
                access_log off; client_body_temp_path \(path)/b; proxy_temp_path \(path)/p; fastcgi_temp_path \(path)/f;
                uwsgi_temp_path \(path)/u; scgi_temp_path \(path)/s; client_max_body_size 100m;
                server {
                    listen 127.0.0.1:\(port) ssl http2; server_name localhost; root \(path)/root;
                    ssl_certificate \(path)/certificate.pem; ssl_certificate_key \(path)/key.pem;
                    add_header X-Protocol $server_protocol always; add_header X-Connection $connection always;
                    location /echo { return 200 "ok"; }
                }
            }
            """)
        let process = SpawnedProcess()
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/nginx")
        process.arguments = ["-c", "\(path)/nginx.conf", "-p", path]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        self.process = process
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}

@Suite struct HTTP2Tests {
    @Test func `is spoken over TLS, and its connections are used again by every thread`() throws {
        let server = try SecureServer()
        let transport = patient { $0.certificates = server.certificate }
        var first: ResponseHead?
        for _ in 0..<1200 where first == nil {
            first = try? transport.collect(TransportRequest("GET", server.url("/echo"))).head
            if first == nil { usleep(50_000) }
        }
        #expect(first?.status == 200)
        #expect(first?.headers["X-Protocol"] == "HTTP/2.0")
        let connections = Shared<Set<String>>([])
        try WorkerPool.forEach(0..<200, threads: 4) { index in
            let (head, body) = try transport.collect(TransportRequest("GET", server.url(index % 10 == 0 ? "/large" : "/echo")))
            #expect(head.headers["X-Protocol"] == "HTTP/2.0")
            #expect(body.count == (index % 10 == 0 ? 3_000_000 : 2))
            connections.change { _ = $0.insert(head.headers["X-Connection"] ?? "none") }
        }
        #expect(connections.value.count <= 4, "as many connections as requests at once: \(connections.value)")
        // What was opened by threads that have ended is used by this one.
        let last = try transport.collect(TransportRequest("GET", server.url("/echo"))).head
        #expect(connections.value.contains(last.headers["X-Connection"] ?? ""))
    }

    @Test func `a connection is kept for its own server, also when others were asked meanwhile`() throws {
        let transport = patient()
        let servers = (0..<3).map { _ in
            ScriptedServer { connection in while !connection.head().isEmpty { connection.answer(200) } }
        }
        for round in 0..<12 { _ = try transport.collect(TransportRequest("GET", servers[round % 3].url())) }
        #expect(servers.map(\.connections) == [1, 1, 1])
        try WorkerPool.forEach(0..<30, threads: 3) { index in _ = try transport.collect(TransportRequest("GET", servers[index % 3].url())) }
        #expect(servers.allSatisfy { $0.connections <= 3 })
    }
}
