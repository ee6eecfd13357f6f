import Foundation
import RxModel

/// Debian's docker-registry on a free loopback port; ended with the object.
public final class DockerRegistry: Sendable {
    /// Its address, such as `http://127.0.0.1:41234`.
    public let url: String
    /// The one user that a registry with `users` knows.
    public static let user = "tester"
    /// That user's password.
    public static let password = "sesam open:1"

    private let process: Process
    private let folder: TemporaryFolder
    private static let program = "/usr/bin/docker-registry"
    /// The password above, by bcrypt.
    private static let users = "tester:$2y$04$2wX.MdBcx/8AT/AsVQu82eGodRUiPZETgtvMXIDIbIG7Ir2uTKy8m\n"

    /// `host:port`, as a locator writes it.
    public var host: String { String(url.dropFirst("http://".count)) }

    /// Starts an empty registry that deletes what it is asked to, and waits until it listens; with `users`, it lets in the one user only.
    /// Throws `RegistryError` when the program is not installed or does not start.
    public init(users: Bool = false) throws {
        guard FileManager.default.isExecutableFile(atPath: DockerRegistry.program) else {
            throw RegistryError("\(DockerRegistry.program) is missing: install the package docker-registry", code: .internalError)
        }
        let folder = try TemporaryFolder()
        try folder.write("users", DockerRegistry.users)
        let authentication = users ? "auth: {htpasswd: {realm: test, path: \"\(folder.path)/users\"}}\n" : ""
        let configuration = try folder.write(
            "configuration.yml",
            """
            version: 0.1
            log: {level: info, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: "\(folder.path)/data"}, delete: {enabled: true}}
            http: {addr: "127.0.0.1:0"}
            \(authentication)
            """)
        try folder.write("log", "")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: DockerRegistry.program)
        process.arguments = ["serve", configuration]
        let log = URL(fileURLWithPath: folder.path + "/log")
        process.standardOutput = try FileHandle(forWritingTo: log)
        process.standardError = process.standardOutput
        try process.run()
        self.process = process
        self.folder = folder
        let end = Date() + 20
        while true {
            let text = try String(contentsOf: log, encoding: .utf8)
            if let match = text.firstMatch(of: /listening on (127\.0\.0\.1:\d+)/) {
                url = "http://\(match.1)"
                return
            }
            guard process.isRunning, Date() < end else {
                if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                throw RegistryError("docker-registry did not start: \(text)", code: .internalError)
            }
            usleep(10_000)
        }
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}
