import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import Synchronization

/// How a registry is spoken to.
enum RegistryFace: String, Sendable {
    /// It has rx's own calls, and `/v2/`.
    case rx
    /// It has `/v2/` alone.
    case distribution
}

/// Which registries have rx's own calls, as far as that is known: in this process, and for an hour in a file that may be deleted at any
/// time. What is noted is never believed against an answer: a registry that has changed is noticed by what it answers.
final class RegistryFaces: Sendable {
    /// How long the file's notes are used, in seconds.
    static let lifetime = 3600

    private struct Note: Sendable {
        let face: RegistryFace
        /// Whether it has the calls of a negotiated transfer; nil when that is not known.
        let transfers: Bool?
        let notedAt: Int
    }

    private let path: String
    private let notes: Mutex<[String: Note]>

    /// Knows what `home` has noted.
    init(home: String) {
        path = "\(home)/cache/registries.json"
        notes = Mutex(RegistryFaces.read(path))
    }

    /// How a registry is spoken to; nil when that is not known.
    func face(of registry: RegistryURL) -> RegistryFace? { notes.withLock { $0[registry.description]?.face } }

    /// Whether a registry has the calls of a negotiated transfer; nil when that is not known.
    func transfers(of registry: RegistryURL) -> Bool? { notes.withLock { $0[registry.description]?.transfers } }

    /// Has a registry asked again.
    func forget(_ registry: RegistryURL) { notes.withLock { $0[registry.description] = nil } }

    /// Notes what a registry's answer has shown; `transfers` when it has shown that, too.
    func note(_ face: RegistryFace, transfers: Bool? = nil, for registry: RegistryURL) {
        let changed = notes.withLock { notes in
            let known = notes[registry.description]
            guard known?.face != face || transfers != nil && known?.transfers != transfers else { return false }
            let transfers = transfers ?? (known?.face == face ? known?.transfers : nil)
            notes[registry.description] = Note(face: face, transfers: transfers, notedAt: Clock.now)
            return true
        }
        if changed { save() }
    }

    private static func read(_ path: String) -> [String: Note] {
        guard let json = try? JSON(parsing: try Files.read(path, limit: 1 << 20)), let members = json.object else { return [:] }
        let now = Clock.now
        return members.compactMapValues { entry in
            guard let face = entry["face"]?.string.flatMap(RegistryFace.init), let notedAt = entry["notedAt"]?.int,
                (notedAt...notedAt + lifetime).contains(now)
            else { return nil }
            return Note(face: face, transfers: entry["transfers"]?.bool, notedAt: notedAt)
        }
    }

    /// Writes the notes beside those of other processes. What cannot be written is asked again next time.
    private func save() {
        let all = RegistryFaces.read(path).merging(notes.withLock { $0 }) { $1 }
        let json = JSON.object(
            all.mapValues { note in
                .members([
                    "face": .string(note.face.rawValue), "transfers": note.transfers.map { .bool($0) }, "notedAt": .integer(note.notedAt),
                ])
            })
        try? Files.replace(path, with: json.canonical)
    }
}

extension ResourceError {
    /// Whether a registry is only busy for the moment, and has not said what it is or has.
    var isPassing: Bool { [429, 503, 504].contains(code.status) }
}

/// The cause of an error of rx's own calls when what answered does not seem to have them.
struct AnotherInterface: Error {}

extension RegistryError {
    /// Whether what answered does not seem to be an rx registry.
    var isOfAnotherInterface: Bool { cause is AnotherInterface }

    /// The error for an answer that an rx registry would not give.
    static func anotherInterface(_ registry: RegistryURL, _ answer: String) -> RegistryError {
        RegistryError(
            "\(registry) answered \(answer)", code: .invalidAnswer, hint: "check that the address is a registry's",
            cause: AnotherInterface())
    }
}

extension Client {
    /// Asks a registry by rx's own calls, or through `/v2/` when it does not have them. Which of both it has is found out by the first
    /// question, and remembered.
    func ask<Value>(
        _ registry: RegistryURL, rx: (RegistryClient) throws -> Value, distribution: (DistributionClient) throws -> Value
    ) throws -> Value {
        if faces.face(of: registry) != .distribution {
            do {
                let value = try rx(remote(registry))
                faces.note(.rx, for: registry)
                return value
            } catch let error as RegistryError where error.isOfAnotherInterface {
                try discover(registry, error)
            } catch let error as RegistryError where error.code == .unauthorized && faces.face(of: registry) == nil {
                // Who refuses everybody at the door says nothing of what is behind it; the answer below `/v2/` counts.
            }
        }
        return try distribution(self.distribution(registry))
    }

    /// How a registry is spoken to, asked when it is not known.
    func face(of registry: RegistryURL) throws -> RegistryFace {
        if let face = faces.face(of: registry) { return face }
        return try ask(registry) { client in
            try client.greet()
            return .rx
        } distribution: { _ in
            .distribution
        }
    }

    /// How a registry is spoken to about a repository. A name that an rx registry alone takes is never refused for what was shown at another
    /// time.
    func face(of registry: RegistryURL, for repository: String) throws -> RegistryFace {
        if !DistributionClient.isPortable(repository), faces.face(of: registry) == .distribution { faces.forget(registry) }
        return try face(of: registry)
    }

    /// Notes that a registry has `/v2/` alone, when it has that. Throws `RegistryError` when it has neither.
    func discover(_ registry: RegistryURL, _ refusal: RegistryError) throws {
        do { try distribution(registry).check() } catch let error as RegistryError where [401, 403].contains(error.code.status) {
            // It has /v2/, and what may be done there is for the call itself to learn.
        } catch let error as RegistryError where error.code != .unreachable && !error.isPassing {
            throw RegistryError(
                "\(refusal.message), and has no /v2/: \(error.message)", code: .invalidAnswer,
                hint: "check that the address is a registry's", cause: error)
        }
        faces.note(.distribution, for: registry)
    }

    /// Speaks OCI Distribution to a registry.
    func distribution(_ registry: RegistryURL) -> DistributionClient {
        var client = DistributionClient(registry, transport: transport, progress: progress)
        client.uploads = UploadNotes(folder: "\(home)/cache/uploads")
        return client
    }
}
