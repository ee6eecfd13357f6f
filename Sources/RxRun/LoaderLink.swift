import Glibc
import RxHTTP
import RxModel
import RxPosix
import RxServer

/// Asks a shared host at its socket. Source: Specs/17-run, "A shared host".
package struct LoaderLink: Sendable {
    /// How long an answer is waited for, in seconds; and that at the end of a session, before which registries may be asked.
    private static let (patience, lastPatience) = (10, 120)
    /// The longest answer, in bytes.
    private static let answerLimit = 256 << 20

    private let path: String

    /// Asks at a path; nobody need listen there.
    package init(socket path: String) { self.path = path }

    /// Where the shared host of a home listens.
    package static func socket(home: String) -> String { "\(home)/loader.sock" }

    /// A session for this process under a policy; nil when nobody listens there, or only one that was started otherwise.
    package func begin(_ request: @autoclosure () -> SessionRequest) -> LoaderSession? {
        // What identifies a process takes longer than a look.
        guard (try? Files.status(path)) ?? nil != nil else { return nil }
        guard let (status, body) = try? ask("POST", "/v1/sessions", Array(request().json.canonical)), status == 201,
            let json = try? JSON(parsing: body), let url = json["url"]?.string, let session = json["session"]?.string,
            let table = json["table"]?.string
        else { return nil }
        return LoaderSession(link: self, url: url, table: table, name: session)
    }

    /// What a running host has bound; nil when none runs.
    package func routes() throws -> [Route]? {
        guard let (status, body) = try ask("GET", "/v1/routes", nil) else { return nil }
        guard status == 200, let routes = (try? JSON(parsing: body))?["routes"]?.array else { throw LoaderLink.broken(path, status) }
        return routes.compactMap { Route($0) }
    }

    static func broken(_ path: String, _ status: Int) -> RegistryError {
        RegistryError("the loader at \(path) answered with status \(status), and not as a loader does", code: .internalError)
    }

    /// An answer's status and body; nil when nobody listens. Throws `PosixError` or `ContentError` for one that breaks off.
    func ask(_ method: String, _ target: String, _ body: [UInt8]?, isLast: Bool = false) throws -> (status: Int, body: [UInt8])? {
        guard let connection = SocketAddress.connect(path) else { return nil }
        var patience = timeval(tv_sec: isLast ? LoaderLink.lastPatience : LoaderLink.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection.number, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
        try connection.write(Array("\(head)\r\n".utf8) + (body ?? []))
        let answer = try FileSource(connection).readAll(limit: LoaderLink.answerLimit)
        let separator = Array("\r\n\r\n".utf8)
        guard let end = answer.firstRange(of: separator), answer.starts(with: "HTTP/1.1 ".utf8), answer.count > 12,
            let status = Int(String(decoding: answer[9..<12], as: UTF8.self))
        else { throw ContentError("the loader at \(path) gave no answer") }
        return (status, Array(answer[end.upperBound...]))
    }
}

/// A session of a shared host.
package struct LoaderSession: Sendable {
    let link: LoaderLink
    /// What the program finds in `RX_LOADER`.
    package let url: String
    /// What need not be asked for when the program starts.
    package let table: String
    let name: String

    /// Ends the session of a program that used `uses` without asking, which are counted.
    package func close(uses: [UInt8]) throws { _ = try link.ask("POST", "/v1/sessions/\(name)/close", uses, isLast: true) }

    /// Ends the session of a program that used `uses` without asking; gives what it had. Throws a `ResourceError` when the host is gone.
    package func end(uses: [UInt8]) throws -> RunRecord {
        guard let (status, body) = try link.ask("POST", "/v1/sessions/\(name)/end", uses, isLast: true) else {
            throw RegistryError(
                "the loader ended before the program did, and what it had is not known", code: .unreachable,
                hint: "run the same command again to record it")
        }
        guard status == 200, let json = try? JSON(parsing: body), let lock = json["lock"]?.string, let trace = json["trace"]?.string else {
            let failure = (try? JSON(parsing: body))?["error"]?.string
            throw RegistryError(failure ?? "the loader answered with status \(status)", code: .internalError)
        }
        return try RunRecord(lock: lock, trace: trace)
    }
}

/// What `rx run` asks a shared host for.
package struct SessionRequest: Sendable {
    let identity: LoaderServer.Identity
    let policy: ModulePolicy
    let isOffline: Bool
    let process: pid_t

    /// A session for this process.
    package init(identity: LoaderServer.Identity, policy: ModulePolicy, isOffline: Bool) {
        self.identity = LoaderServer.Identity(
            version: identity.version, registry: identity.registry, surroundings: identity.surroundings, isOffline: isOffline)
        self.policy = policy
        self.isOffline = isOffline
        process = getpid()
    }

    var json: JSON {
        .members([
            "version": .string(identity.version), "registry": identity.registry.map { .string($0) },
            "surroundings": .string(identity.surroundings),
            "lock": policy.lock.map { .string($0.text) }, "lockFile": policy.lockFile.map { .string($0) },
            "allow": .array(policy.patterns.map { .string($0.text) }), "offline": .bool(isOffline), "process": .integer(Int(process)),
        ])
    }

    init(parsing bytes: [UInt8]) throws {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw RegistryError("The session is not JSON: \(error)", code: .invalidRequest) }
        guard let version = json["version"]?.string, let allow = json["allow"]?.array, let isOffline = json["offline"]?.bool,
            let process = json["process"]?.int.flatMap({ pid_t(exactly: $0) }), process > 0
        else { throw RegistryError("The session lacks version, allow, offline or process", code: .invalidRequest) }
        identity = LoaderServer.Identity(
            version: version, registry: json["registry"]?.string, surroundings: json["surroundings"]?.string ?? "", isOffline: isOffline)
        policy = ModulePolicy(
            lock: try json["lock"]?.string.map { text throws(LockError) in try Lock(parsing: Array(text.utf8)) },
            lockFile: json["lockFile"]?.string,
            patterns: try allow.map { value throws(RegistryError) in try AllowPattern(parsing: value.string ?? "") })
        self.isOffline = isOffline
        self.process = process
    }
}
