import RxCrypto
import RxLoader
import RxModel
import RxTesting
import Synchronization

/// A local store and the registries that it fetches from, in memory: the loader knows them by its protocols alone.
final class Shelf: LocalShelf, RemoteShelf {
    private struct State {
        /// By repository and tag, what the registry has; and what is here.
        var offered: [String: StoredResource] = [:]
        var here: [String: StoredResource] = [:]
        var blobs: [Digest: [UInt8]] = [:]
        var calls: [String] = []
        var failure: RegistryError?
        var lie: (@Sendable (StoredResource) -> StoredResource)?
        var pause: Duration = .zero
    }

    private let state = Mutex(State())

    /// What the registry was asked for, in order.
    var calls: [String] { state.withLock { $0.calls } }
    /// Lets the registry fail until it is nil.
    func fail(_ error: RegistryError?) { state.withLock { $0.failure = error } }
    /// Lets the registry answer something else.
    func lie(_ lie: (@Sendable (StoredResource) -> StoredResource)?) { state.withLock { $0.lie = lie } }
    /// Lets the registry take its time.
    func pause(_ pause: Duration) { state.withLock { $0.pause = pause } }
    /// Damages a blob that is here.
    func damage(_ text: String) { state.withLock { $0.blobs[sha256(Array(text.utf8))] = Array("other".utf8) } }

    /// Makes a resource, and has the registry offer it.
    @discardableResult
    func offer(
        _ locator: String, type: String = "text", _ files: [String: String], _ more: [String: JSON] = [:], here: Bool = false
    ) throws -> StoredResource {
        let locator = try Locator(parsing: locator)
        let list = try files.map { path, text in
            text.hasPrefix("->") ? try file(path, String(text.dropFirst(2)), symlink: String(text.dropFirst(2))) : try file(path, text)
        }
        let manifest = try ResourceManifest(definition: definition(locator.name, type: type, more), files: list)
        for text in files.values {
            let bytes = Array((text.hasPrefix("->") ? String(text.dropFirst(2)) : text).utf8)
            state.withLock { $0.blobs[sha256(bytes)] = bytes }
        }
        let stored = StoredResource(locator: locator, digest: manifest.digest, manifest: manifest) { digest in
            guard let bytes = self.state.withLock({ $0.blobs[digest] }) else { throw RegistryError.blobNotFound(digest) }
            return BytesSource(bytes)
        }
        state.withLock { state in
            if here { state.here[Shelf.key(locator)] = stored } else { state.offered[Shelf.key(locator)] = stored }
        }
        return stored
    }

    func stored(_ locator: Locator) throws -> StoredResource? {
        state.withLock { state in
            guard let digest = locator.digest else { return state.here[Shelf.key(locator)] }
            return state.here.values.first { $0.digest == digest || $0.manifest.tree == digest }
        }
    }

    func fetched(_ locator: Locator) throws -> StoredResource {
        let stored = try answer("fetch", locator)
        // A lie is not kept: a store checks what it keeps.
        state.withLock { state in if state.lie == nil { state.here[Shelf.key(locator)] = stored } }
        return stored
    }

    func digest(of locator: Locator) throws -> Digest { try answer("digest", locator).digest }

    private func answer(_ call: String, _ locator: Locator) throws -> StoredResource {
        let (failure, stored, lie, pause) = state.withLock { state in
            state.calls.append("\(call) \(locator)")
            return (state.failure, state.offered[Shelf.key(locator)], state.lie, state.pause)
        }
        if pause > .zero { Pause.wait(pause) }
        if let failure { throw failure }
        guard let stored else { throw RegistryError.notFound(locator.description) }
        return lie?(stored) ?? stored
    }

    private static func key(_ locator: Locator) -> String { "\(locator.repository):\(locator.tag)" }
}

/// The error of a registry that does not answer.
let unreachable = RegistryError("Unable to connect to http://127.0.0.1:9", code: .unreachable)

extension Loader {
    /// A loader over a shelf, with what a test changes.
    convenience init(_ shelf: Shelf, _ change: (inout Settings) -> Void = { _ in }) {
        var settings = Settings()
        change(&settings)
        self.init(local: shelf, remote: shelf, settings: settings)
    }
}
