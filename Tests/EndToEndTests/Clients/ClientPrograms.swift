import Foundation
import RxModel
import RxTesting
import Testing

/// A client that a test needs is not installed. A test fails for it; it is never left out.
struct MissingClient: Error, CustomStringConvertible {
    let description: String
}

/// A program of others that speaks to registries, with a home of its own.
struct ClientProgram: Sendable {
    let path: String
    let home: TemporaryFolder
    private let words: [String]
    private let environment: [String: String]

    private init(path: String, words: [String] = [], environment: [String: String] = [:]) throws {
        self.path = path
        self.words = words
        home = try TemporaryFolder()
        self.environment = ["HOME": home.path, "XDG_RUNTIME_DIR": home.path].merging(environment) { $1 }
    }

    /// A program of the distribution, with words that every call begins with. Throws `MissingClient`.
    static func installed(_ name: String, _ words: [String] = []) throws -> ClientProgram {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin", "/usr/sbin"]
        let paths = folders.map { "\($0)/\(name)" }
        guard let path = paths.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw MissingClient(description: "\(name) is not installed: `make setup` installs it")
        }
        return try ClientProgram(path: path, words: words)
    }

    /// A program of the virtual environment with the Python clients: `RX_CLIENTS` names its folder of programs. Throws `MissingClient`.
    static func python(_ name: String, _ words: [String] = [], environment: [String: String] = [:]) throws -> ClientProgram {
        let folder =
            ProcessInfo.processInfo.environment["RX_CLIENTS"] ?? repositoryRoot.appendingPathComponent(".build/clients/bin").path
        guard FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") else {
            throw MissingClient(description: "\(folder)/\(name) is missing: `make setup` makes it, and RX_CLIENTS names the folder")
        }
        return try ClientProgram(path: "\(folder)/\(name)", words: words, environment: environment)
    }

    /// Runs the program to its end.
    func run(_ arguments: [String], in folder: String? = nil, input: Data? = nil) throws -> Ended {
        try RxTesting.run(path, words + arguments, in: folder, environment: environment, input: input)
    }

    /// Runs the program and expects it to succeed; gives what it printed.
    @discardableResult
    func callAsFunction(
        _ arguments: String..., in folder: String? = nil, input: Data? = nil, location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let ended = try run(arguments, in: folder, input: input)
        let name = (path as NSString).lastPathComponent
        #expect(ended.status == 0, "\(name) \(arguments.joined(separator: " ")): \(ended.error)", sourceLocation: location)
        return ended.text
    }
}

/// A registry that the clients are tried on.
protocol ServedRegistry: AnyObject, Sendable {
    /// Its address, such as `http://127.0.0.1:41234`.
    var url: String { get }
    /// `host:port`.
    var host: String { get }
}

extension RegistryProcess: ServedRegistry {}
extension DockerRegistry: ServedRegistry {}

/// The registry under test: rx's own. With `RX_CLIENTS_REGISTRY=docker-registry` the same tests run against Debian's registry, which
/// tells whether a failure is a test's or the server's.
func startRegistry() throws -> any ServedRegistry {
    if ProcessInfo.processInfo.environment["RX_CLIENTS_REGISTRY"] == "docker-registry" { return try DockerRegistry() }
    return try RegistryProcess()
}

/// A manifest as a registry gives it.
struct ServedManifest {
    let status: Int
    let mediaType: String?
    let digest: String?
    let bytes: Data
}

extension ServedRegistry {
    /// Reads a manifest by tag or digest, of any kind.
    func manifest(_ repository: String, _ reference: String) throws -> ServedManifest {
        let kinds = [MediaType.imageManifest, OCILayout.Media.index, OCILayout.Media.docker, OCILayout.Media.dockerList].joined(
            separator: ", ")
        let answer = try curl("--header", "Accept: \(kinds)", "\(url)/v2/\(repository)/manifests/\(reference)")
        return ServedManifest(
            status: answer.status, mediaType: answer.headers["content-type"], digest: answer.headers["docker-content-digest"],
            bytes: answer.body)
    }

    /// What skopeo and buildah call a repository here.
    func docker(_ name: String) -> String { "docker://\(host)/\(name)" }
}

extension User {
    /// Runs `rx login` with the password on standard input.
    func login(_ host: String, _ name: String, password: String) throws -> Ended {
        try RxTesting.run(
            rxBinary, ["login", host, "-u", name, "--password-stdin"], environment: ["RX_HOME": home.path], input: Data(password.utf8))
    }
}

/// Whether two folders hold the same files with the same content; what differs, else empty.
func difference(_ one: String, _ other: String, without name: String = "resource.json") throws -> String {
    let ended = try run("/usr/bin/diff", ["-r", "--no-dereference", "-x", name, one, other])
    return ended.text + ended.error
}
