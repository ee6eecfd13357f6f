import RxCrypto
import RxModel
import RxPosix

/// The credentials that Docker's `config.json` holds or says how to get.
///
/// A helper for the one registry (`credHelpers`) is asked first, then the helper for all (`credsStore`), then what is written in the file
/// (`auths`). Source: docker login, "Credential stores"; the credential helpers' protocol.
struct DockerConfiguration {
    /// How long a helper may take, in seconds; it may ask the user something.
    private static let helperSeconds = 60.0
    private let json: JSON
    private let run: Run

    /// Runs a helper: its program, its arguments and what it reads.
    typealias Run = @Sendable (_ program: String, _ arguments: [String], _ input: [UInt8]) throws -> Subprocess.Ended

    /// Runs the helper that `PATH` finds.
    static let runHelper: Run = { try Subprocess.run($0, $1, input: $2, seconds: helperSeconds) }

    /// Reads the file. Throws `RegistryError` for what is no object; its words are not told.
    init(parsing bytes: [UInt8], run: @escaping Run = runHelper) throws(RegistryError) {
        guard let json = try? JSON(parsing: bytes), json.object != nil else {
            throw RegistryError("config.json is not a JSON object", code: .invalidRequest)
        }
        self.json = json
        self.run = run
    }

    /// The credential for a registry's `host[:port]`; what goes wrong with a helper is noted.
    func credential(for host: String, notes: inout [String]) -> Credential? {
        let own = json["credHelpers"]?.object?.first { DockerConfiguration.host($0.key) == host }?.value.string
        for helper in [own, json["credsStore"]?.string].compactMap({ $0 }) where !helper.isEmpty {
            if let found = ask(helper, host, &notes) { return found }
        }
        // Of several spellings of one host the shortest is the plainest.
        let entries = (json["auths"]?.object ?? [:]).filter { DockerConfiguration.host($0.key) == host }
        let plainest = entries.sorted { ($0.key.utf8.count, $0.key) < ($1.key.utf8.count, $1.key) }
        return plainest.lazy.compactMap { DockerConfiguration.read($0.value) }.first
    }

    /// The `host[:port]` of a key, which may be a URL.
    static func host(_ key: String) -> String {
        let text = key.hasPrefix("https://") ? key.dropFirst(8) : key.hasPrefix("http://") ? key.dropFirst(7) : key[...]
        return CredentialStore.key(String(text.prefix { $0 != "/" }))
    }

    /// Reads an entry of `auths`: `{"auth": base64 of user:password, "identitytoken"?, "registrytoken"?}` or `{"username", "password"}`.
    static func read(_ entry: JSON) -> Credential? {
        func text(_ key: String) -> String? { entry[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        if let token = text("identitytoken") { return .identity(token: token) }
        if let token = text("registrytoken") { return .bearer(token: token) }
        if let auth = text("auth").flatMap({ Base64.decode($0) }) {
            guard let colon = auth.firstIndex(of: UInt8(ascii: ":")), let user = String(validating: auth[..<colon], as: UTF8.self),
                let secret = String(validating: auth[(colon + 1)...], as: UTF8.self)
            else { return nil }
            return Credential(user: user, secret: String(secret.prefix { $0 != "\0" }))
        }
        guard let user = text("username"), let secret = text("password") else { return nil }
        return Credential(user: user, secret: secret)
    }

    /// Asks `docker-credential-NAME get`, which reads the registry's name and writes `{"Username","Secret"}`.
    private func ask(_ helper: String, _ host: String, _ notes: inout [String]) -> Credential? {
        guard helper.utf8.allSatisfy(DockerConfiguration.isNameByte) else {
            notes.append("Docker's configuration names a credential helper that cannot be one")
            return nil
        }
        let program = "docker-credential-\(helper)"
        do {
            for name in [host, "https://\(host)"] {
                let ended = try run(program, ["get"], Array((name + "\n").utf8))
                guard ended.status == 0 else { continue }
                let json = try? JSON(parsing: ended.output)
                guard let user = json?["Username"]?.string, let secret = json?["Secret"]?.string else {
                    notes.append("\(program) answered something that is no credential")
                    return nil
                }
                if !secret.isEmpty { return Credential(user: user, secret: secret) }
            }
        } catch { notes.append("\(program) cannot be asked: \(error)") }
        return nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
