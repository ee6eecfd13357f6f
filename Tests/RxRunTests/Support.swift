import Glibc
import RxClient
import RxCrypto
import RxLoader
import RxModel
import RxPosix
import RxRun
import RxStore
import RxTesting
import Synchronization

/// A home's store and its registry, in memory, which tell what they were asked for.
final class Shelves: LocalShelf, RemoteShelf, ModuleIndex {
    private struct State {
        var offered: [StoredResource] = []
        var own: [StoredResource] = []
        var here: [StoredResource] = []
        var blobs: [Digest: [UInt8]] = [:]
        var calls: [String] = []
        var reads = 0
        var opened: [String] = []
        var failure: RegistryError?
        var pause = 0.0
        var lie: StoredResource?
    }

    private let state = Mutex(State())

    /// The registries that are asked.
    let asked = ["https://r.example"]
    /// What the registry was asked, in order.
    var calls: [String] { state.withLock { $0.calls } }
    /// How many manifests were looked up in the home.
    var reads: Int { state.withLock { $0.reads } }
    /// The files that were read, in order.
    var opened: [String] { state.withLock { $0.opened } }
    func fail(_ error: RegistryError?) { state.withLock { $0.failure = error } }
    func pause(_ seconds: Double) { state.withLock { $0.pause = seconds } }
    /// Has the registry answer another resource than it was asked for.
    func lie(_ resource: StoredResource?) { state.withLock { $0.lie = resource } }
    /// Changes the bytes of a file behind the store's back.
    func damage(_ text: String) {
        let bytes = Array(text.utf8)
        state.withLock { $0.blobs[sha256(bytes)] = [bytes[0] ^ 1] + bytes.dropFirst() }
    }

    /// Makes a resource; the registry has it, or the home's own store.
    @discardableResult
    func put(_ locator: String, _ files: [String: String], provides: [String: [String]]? = nil, own: Bool = false) throws -> StoredResource
    {
        let locator = try Locator(parsing: locator)
        let list = try files.map { path, text in
            text.hasPrefix("->")
                ? try file(path, String(text.dropFirst(2)), symlink: String(text.dropFirst(2)))
                : try file(path, text, executable: text.hasPrefix("#!"))
        }
        let more = provides.map { ["provides": JSON.object($0.mapValues { .array($0.map { .string($0) }) })] } ?? [:]
        let manifest = try ResourceManifest(definition: definition(locator.name, type: "module", more), files: list)
        let names = Dictionary(list.map { ($0.digest, $0.path.text) }) { first, _ in first }
        for text in files.values { state.withLock { $0.blobs[sha256(Array(text.utf8))] = Array(text.utf8) } }
        let stored = StoredResource(locator: locator, digest: manifest.digest, manifest: manifest) { digest in
            let bytes = self.state.withLock { state in
                state.opened.append(names[digest] ?? "?")
                return state.blobs[digest]
            }
            guard let bytes else { throw RegistryError.blobNotFound(digest) }
            return BytesSource(bytes)
        }
        state.withLock { state in if own { state.own.append(stored) } else { state.offered.append(stored) } }
        return stored
    }

    /// Has the home hold copies of all that the registry has.
    func pullAll() { state.withLock { $0.here = $0.offered } }

    func stored(_ locator: Locator) throws -> StoredResource? {
        state.withLock { state in
            state.reads += 1
            return Shelves.newest(state.own, locator) ?? Shelves.newest(state.here, locator)
        }
    }

    func contents(named locator: Locator) throws -> [Digest] {
        state.withLock { $0.here.filter { $0.locator.repository == locator.repository }.map(\.digest) }
    }

    func fetched(_ locator: Locator) throws -> StoredResource {
        if let own = state.withLock({ Shelves.newest($0.own, locator) }) { return own }
        let (offered, lie) = try ask("fetch \(locator)") { ($0.offered, $0.lie) }
        guard let found = lie ?? Shelves.newest(offered, locator) else { throw RegistryError.notFound(locator.description) }
        state.withLock { if lie == nil { $0.here.append(found) } }
        return found
    }

    func digest(of locator: Locator) throws -> Digest { try fetched(locator).digest }

    func localProviders(of module: ModuleName) throws -> [Provider] {
        state.withLock { Shelves.providers($0.own, module) + Shelves.providers($0.here, module, host: "r.example") }
    }

    func providers(of module: ModuleName) throws -> [Provider] {
        Shelves.providers(try ask("providers \(module)") { $0.offered }, module, host: "r.example")
    }

    private func ask<Value>(_ call: String, _ answer: (State) -> Value) throws -> Value {
        let (failure, pause, value) = state.withLock { state in
            state.calls.append(call)
            return (state.failure, state.pause, answer(state))
        }
        if pause > 0 { Pause.wait(pause) }
        if let failure { throw failure }
        return value
    }

    private static func newest(_ list: [StoredResource], _ locator: Locator) -> StoredResource? {
        list.last { stored in
            guard stored.locator.repository == locator.repository else { return false }
            if let digest = locator.digest { return stored.digest == digest || stored.manifest.tree == digest }
            return locator.tag == Locator.latest || stored.locator.tag == locator.tag
        }
    }

    private static func providers(_ list: [StoredResource], _ module: ModuleName, host: String? = nil) -> [Provider] {
        let found = list.filter { stored in
            let said = stored.manifest.definition.provides
            return said.isEmpty ? stored.locator.repository == module.namesake?.repository : said.names.contains(module)
        }
        let last = Dictionary(found.map { ($0.locator.repository, $0) }) { $1 }
        return last.values.sorted { $0.locator.repository < $1.locator.repository }.map { stored in
            Provider(
                locator: stored.locator.at(registry: host), manifest: stored.digest, tree: stored.manifest.tree,
                isDeclared: !stored.manifest.definition.provides.isEmpty)
        }
    }
}

/// Waits.
enum Pause {
    static func wait(_ seconds: Double) { usleep(UInt32(seconds * 1_000_000)) }
}

/// A home with shelves, and binders over them.
struct Bench {
    let folder: TemporaryFolder
    let shelves = Shelves()
    let views: ViewFolders

    init() throws {
        folder = try TemporaryFolder()
        views = try ViewFolders(home: folder.path)
    }

    var supply: ModuleSupply { ModuleSupply(index: shelves, local: shelves, remote: shelves, views: views) }

    func binder(lock: Lock? = nil, allow: [String] = [], offline: Bool = false, known: [ModuleName: KnownModule] = [:]) throws
        -> ModuleBinder
    {
        let policy = ModulePolicy(
            lock: lock, lockFile: lock.map { _ in "rx.lock" }, patterns: try allow.map { try AllowPattern(parsing: $0) })
        return ModuleBinder(policy: policy, supply: offline ? supply.offline : supply, known: known)
    }
}

/// `python:NAME`.
func python(_ name: String) throws -> ModuleName { try ModuleName(language: "python", name: name) }

extension Lock {
    /// A lock of stored resources.
    init(of resources: StoredResource...) throws {
        try self.init(
            resources.map {
                Entry(
                    locator: $0.locator, manifest: $0.digest, tree: $0.manifest.tree, provides: $0.manifest.definition.provides)
            })
    }
}
