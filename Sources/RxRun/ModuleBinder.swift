package import RxLoader
package import RxModel
import RxPosix
import Synchronization

/// A module that a program has, and the resource that provides it.
package struct BoundModule: Sendable {
    /// The module.
    package let module: ModuleName
    /// What provides it.
    package let resource: OpenedResource
}

/// Finds what programs ask for and binds it: decides by the policy, looks in the local store and then in the registries, each name once,
/// and makes the files that are asked for appear.
///
/// Source: Specs/17-run.
package final class ModuleBinder: Sendable {
    private struct State {
        var modules: [ModuleName: Digest] = [:]
        var resources: [Digest: OpenedResource] = [:]
        /// What a resource was bound for beside its modules: the locators that it was asked for by.
        var locators: [Locator: Digest] = [:]
        var uses: [Digest: [FilePath: Int]] = [:]
        var failures: [ModuleName: (error: any Error, until: Int)] = [:]
    }

    /// How long what was not found, or failed in a way that may pass, is not looked for again, in seconds; and how many such names are kept.
    private static let (absence, trouble, failureLimit) = (60, 5, 10_000)

    package let policy: ModulePolicy
    private let local: any LocalShelf
    private let remote: (any RemoteShelf)?
    private let views: ViewFolders
    private let notes: RunNotes?
    private let state = Mutex(State())
    private let searches = SingleFlight<ModuleName, BoundModule>()
    private let openings = SingleFlight<Locator, OpenedResource>()
    private let arrivals = SingleFlight<String, String?>()

    /// Looks in `local`, then in `remote`; without the latter nobody is asked. What is bound is written into `notes`.
    package init(policy: ModulePolicy, local: any LocalShelf, remote: (any RemoteShelf)?, views: ViewFolders, notes: RunNotes? = nil) {
        self.policy = policy
        self.local = local
        self.remote = remote
        self.views = views
        self.notes = notes
    }

    /// The resource that provides a module. Throws a `ResourceError` that says why there is none, and what to do.
    package func bind(_ module: ModuleName) throws -> BoundModule {
        if let bound = bound(module) { return bound }
        return try searches.run(module) {
            if let bound = bound(module) { return bound }
            let now = Clock.monotonic / 1_000_000_000
            if let failure = state.withLock({ $0.failures[module] }), failure.until > now { throw failure.error }
            do {
                let resource = try find(module)
                state.withLock { state in
                    state.modules[module] = resource.digest
                    state.failures[module] = nil
                }
                let bound = BoundModule(module: module, resource: resource)
                notes?.add(bound)
                return bound
            } catch {
                let isLasting = (error as? any ResourceError)?.code.status ?? 500 < 500
                state.withLock { state in
                    if state.failures.count >= ModuleBinder.failureLimit { state.failures = state.failures.filter { $0.value.until > now } }
                    guard state.failures.count < ModuleBinder.failureLimit else { return }
                    state.failures[module] = (error, now + (isLasting ? ModuleBinder.absence : ModuleBinder.trouble))
                }
                throw error
            }
        }
    }

    /// Makes sure that a file or folder of a bound resource is in its view; gives its path there. Throws `RegistryError` when no such
    /// resource is bound, or it has nothing of this path.
    package func present(_ path: FilePath, of digest: Digest) throws -> String {
        // A program that read of a locked module in the notes asks for its files and not for the module.
        var opened = state.withLock { $0.resources[digest] }
        if opened == nil, let entry = policy.lock?.entry(of: digest) { opened = try locked(entry) }
        guard let resource = opened else {
            throw RegistryError(
                "No resource with the manifest \(digest) is bound here", code: .resourceNotFound, hint: "ask for the module first")
        }
        let found: String? =
            views.has(path, of: resource)
            ? "\(resource.root)/\(path)"
            : try arrivals.run("\(digest.hex)/\(path)") {
                try views.present(path, of: resource) { try resource.stored.open($0) }
            }
        guard let found else {
            throw RegistryError("\(resource.stored.locator) has no file \(FilePath.quoted(path.text))", code: .notFound)
        }
        note([(digest, path)])
        return found
    }

    /// Counts uses of files of bound resources; others are left out.
    package func note(_ uses: [(digest: Digest, path: FilePath)]) {
        state.withLock { state in
            for use in uses {
                let isKnown = state.resources[use.digest].map { $0.files[use.path] != nil } ?? (policy.lock?.entry(of: use.digest) != nil)
                guard isKnown else { continue }
                state.uses[use.digest, default: [:]][use.path, default: 0] += 1
            }
        }
    }

    /// What is bound, sorted by module.
    package var modules: [BoundModule] {
        state.withLock { state in
            state.modules.map { BoundModule(module: $0.key, resource: state.resources[$0.value]!) }
        }.sorted { ($0.module.language, $0.module.name) < ($1.module.language, $1.module.name) }
    }

    /// The resource of a manifest, when it is bound.
    package func resource(_ digest: Digest) -> OpenedResource? { state.withLock { $0.resources[digest] } }

    /// How often each file of each resource was used.
    package var uses: [Digest: [FilePath: Int]] { state.withLock { $0.uses } }

    private func bound(_ module: ModuleName) -> BoundModule? {
        state.withLock { state in
            state.modules[module].flatMap { state.resources[$0] }.map { BoundModule(module: module, resource: $0) }
        }
    }

    private func find(_ module: ModuleName) throws -> OpenedResource {
        switch policy.decide(module) {
        case .locked(let entry): return try locked(entry)
        case .allowed:
            guard let locator = module.locator else { throw ModuleBinder.nobody(module) }
            let resource: OpenedResource
            do { resource = try open(locator) } catch let error as RegistryError where error.code == .resourceNotFound {
                throw ModuleBinder.nobody(module)
            }
            guard provides(resource, module) else { throw ModuleBinder.nobody(module, but: resource) }
            return resource
        case .named(let locators):
            for locator in locators {
                guard let resource = try? open(locator), provides(resource, module) else { continue }
                return resource
            }
            throw policy.refusal(of: "The module \(module)", allow: module.description)
        case .refused: throw policy.refusal(of: "The module \(module)", allow: module.description)
        }
    }

    /// Whether a resource's definition names a module, or names none and the resource is called like it.
    private func provides(_ resource: OpenedResource, _ module: ModuleName) -> Bool {
        let said = (try? Provides(resource.stored.manifest.definition.members["provides"])) ?? Provides()
        guard said.isEmpty else { return said.names.contains(module) }
        return module.resource.map { resource.stored.locator.repository.utf8.elementsEqual($0.utf8) } ?? false
    }

    /// What a lock's entry says, from wherever it can be had.
    private func locked(_ entry: Lock.Entry) throws -> OpenedResource {
        let resource = try open(entry.pinned)
        guard resource.digest == entry.manifest, resource.stored.manifest.tree == entry.tree else {
            throw ContentError(
                "\(entry.locator) is locked to the manifest \(entry.manifest) and the tree \(entry.tree), and has the tree \(resource.stored.manifest.tree)",
                code: .digestInvalid, hint: "the lock does not fit together: record it anew")
        }
        return resource
    }

    /// The resource of a locator without a registry: from the local store, else from the first registry that has it.
    private func open(_ locator: Locator) throws -> OpenedResource {
        func known() -> OpenedResource? { state.withLock { state in state.locators[locator].flatMap { state.resources[$0] } } }
        if let resource = known() { return resource }
        return try openings.run(locator) {
            if let resource = known() { return resource }
            let stored = try look(locator)
            let resource = OpenedResource(stored, root: views.root(stored.digest))
            try views.writeList(of: resource)
            return state.withLock { state in
                let kept = state.resources[stored.digest] ?? resource
                state.resources[stored.digest] = kept
                state.locators[locator] = stored.digest
                return kept
            }
        }
    }

    private func look(_ locator: Locator) throws -> StoredResource {
        // A digest means the same everywhere, so what is here is never asked for.
        if locator.digest != nil || remote == nil, let stored = try local.stored(locator) { return stored }
        guard let remote else {
            throw RegistryError(
                "\(locator) is not here, and offline nobody is asked", code: .unreachable,
                hint: "run rx freeze, or this command without --offline, while the registry can be reached")
        }
        return try remote.fetched(locator)
    }

    private static func nobody(_ module: ModuleName, but resource: OpenedResource? = nil) -> RegistryError {
        let hint = resource.map { resource -> String in
            let said = (try? Provides(resource.stored.manifest.definition.members["provides"])) ?? Provides()
            return "\(resource.stored.locator) provides \(said.names.prefix(10).map(\.description).joined(separator: ", "))"
        }
        return RegistryError(
            "No resource provides \(module)", code: .resourceNotFound,
            hint: hint ?? "rx search shows what there is; a resource says what it provides in its definition")
    }
}
