import Foundation
import RxModel

/// Debian's docker-registry 2.8 on a free loopback port, with deletion; ended with the object.
public final class DockerRegistry: Sendable {
    /// Its address, such as `http://127.0.0.1:41234`.
    public let url: String
    /// Its files are below `files`.
    public let data: TemporaryFolder
    private let process: SpawnedProcess
    private let log: URL

    /// `host:port`, as a locator writes it.
    public var host: String { String(url.dropFirst("http://".count)) }

    /// The account that a registry with accounts knows.
    public static let account = (name: "reader", password: "open-sesame:2=zwei")
    private static let program = "/usr/bin/docker-registry"
    /// The account as htpasswd writes it, with bcrypt.
    private static let accounts = "reader:$2y$04$7hDYSCnOkL55j9BE.8hYneKmZ5n8Nggnu.WBPV9v9EwxQyR1MRD/q\n"

    /// Starts a registry: for everyone, or for the one account by Basic authentication. Its Location headers name the host, as they
    /// do by default, or are relative. Throws `RegistryError` when the program is not installed or does not start.
    public init(accounts: Bool = false, relative: Bool = false) throws {
        guard FileManager.default.isExecutableFile(atPath: DockerRegistry.program) else {
            throw RegistryError("\(DockerRegistry.program) is missing: `make setup` installs it", code: .internalError)
        }
        data = try TemporaryFolder()
        try data.write("accounts", DockerRegistry.accounts)
        let authentication = accounts ? #""auth":{"htpasswd":{"realm":"tests","path":"\#(data.path)/accounts"}},"# : ""
        // JSON is YAML too.
        let file = try data.write(
            "configuration.json",
            #"""
            {"version":0.1,"log":{"level":"info","formatter":"json","accesslog":{"disabled":true}},\#(authentication)
             "storage":{"filesystem":{"rootdirectory":"\#(data.path)/files"},"delete":{"enabled":true},
              "maintenance":{"uploadpurging":{"enabled":false}}},
             "http":{"addr":"127.0.0.1:0","secret":"for tests","relativeurls":\#(relative)}}
            """#)
        log = data.url.appendingPathComponent("log")
        try data.write("log", "")
        let process = SpawnedProcess()
        process.executableURL = URL(fileURLWithPath: DockerRegistry.program)
        process.arguments = ["serve", file]
        process.environment = ["OTEL_TRACES_EXPORTER": "none"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        self.process = process
        var address: String?
        let late = Date() + 120
        while address == nil, process.isRunning, Date() < late {
            Thread.sleep(forTimeInterval: 0.02)
            let text = try String(contentsOf: log, encoding: .utf8)
            address = text.firstMatch(of: /listening on (127\.0\.0\.1:[0-9]+)"/).map { String($0.1) }
        }
        guard let address else {
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            let text = try String(contentsOf: log, encoding: .utf8)
            throw RegistryError("docker-registry did not start: \(text)", code: .internalError)
        }
        url = "http://\(address)"
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// What was asked and answered so far, such as `PUT /v2/team/a/manifests/1 201`, without query strings other than a mount's.
    public var requests: [String] {
        // A line may come after the answer: one more request is made, and its line is waited for.
        let mark = "/v2/?settled=\(UUID().uuidString)"
        _ = try? curl("\(url)\(mark)")
        var text = ""
        _ = waitUntil {
            text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            return text.contains(mark)
        }
        Thread.sleep(forTimeInterval: 0.1)
        text = (try? String(contentsOf: log, encoding: .utf8)) ?? text
        return text.split(separator: "\n").compactMap { line in
            guard let entry = try? JSON(parsing: String(line)), entry["msg"]?.string == "response completed",
                let method = entry["http.request.method"]?.string, let target = entry["http.request.uri"]?.string,
                let status = entry["http.response.status"]?.int, !target.hasPrefix("/v2/?settled=")
            else { return nil }
            let path = target.contains("mount=") ? target : String(target.prefix { $0 != "?" })
            return "\(method) \(path) \(status)"
        }
    }

    /// The requests that brought bytes of blobs.
    public var uploads: [String] { requests.filter { $0.hasPrefix("PUT ") && $0.contains("/blobs/uploads/") && $0.hasSuffix(" 201") } }
}
