import RxClient
import RxLoader
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

/// A module that need not be looked for.
package struct KnownModule: Sendable, Equatable {
    /// What provides it, with the digest of its manifest.
    package let locator: Locator
    /// When that was found out, in seconds since 1970.
    package let checkedAt: Int
    /// The resources that the run named itself, when another choice could have led elsewhere.
    package let choice: String?

    /// Describes it.
    package init(locator: Locator, checkedAt: Int, choice: String? = nil) {
        self.locator = locator
        self.checkedAt = checkedAt
        self.choice = choice
    }
}

/// Finds what programs ask for and binds it: decides by the policy, looks in the local store and then in the registries, each name once,
/// and makes the files that are asked for appear.
///
/// Source: Specs/17-run.
package final class ModuleBinder: Sendable {
    private struct State {
        var modules: [ModuleName: Digest] = [:]
        var resources: [Digest: OpenedResource] = [:]
        /// The locators that resources were opened by.
        var locators: [Locator: Digest] = [:]
        /// The locators by which the program itself named resources, without a digest.
        var asked: [Digest: Set<Locator>] = [:]
        /// Modules that are known from the lock or the last runs, and not asked for yet.
        var known: [ModuleName: KnownModule] = [:]
        /// How it was found out what a module is.
        var findings: [ModuleName: Finding] = [:]
        var uses: [Digest: [FilePath: Int]] = [:]
        var failures: [ModuleName: (error: any Error, until: Int)] = [:]
    }

    /// When it was last asked what a module is, in seconds since 1970, and the resources that the run named, when that made a difference.
    typealias Finding = (at: Int, choice: String?)

    /// How long what was not found, or failed in a way that may pass, is not looked for again, in seconds; and how many such names are kept.
    private static let (absence, trouble, failureLimit) = (60, 5, 10_000)

    /// What may be had.
    package let policy: ModulePolicy
    private let supply: ModuleSupply
    private let state: Mutex<State>
    private let searches = SingleFlight<ModuleName, OpenedResource>()
    private let openings = SingleFlight<Locator, OpenedResource>()

    /// Binds what `policy` allows from `supply`; `known` are modules that need not be looked for again.
    package init(policy: ModulePolicy, supply: ModuleSupply, known: [ModuleName: KnownModule] = [:]) {
        self.policy = policy
        self.supply = supply
        let allowed = known.filter { policy.mayBe($0.key, $0.value.locator) }
        state = Mutex(State(known: allowed))
    }

    /// The resource that provides a module. Throws a `ResourceError` that says why there is none, and what to do.
    package func bind(_ module: ModuleName) throws -> BoundModule {
        if let resource = bound(module) { return BoundModule(module: module, resource: resource) }
        let resource = try searches.run(module) {
            if let resource = bound(module) { return resource }
            let now = Clock.monotonic / 1_000_000_000
            if let failure = state.withLock({ $0.failures[module] }), failure.until > now { throw failure.error }
            do {
                let (resource, finding) = try find(module)
                state.withLock { state in
                    state.modules[module] = resource.digest
                    state.findings[module] = finding
                    state.failures[module] = nil
                }
                return resource
            } catch {
                note(error, of: module, now)
                throw error
            }
        }
        return BoundModule(module: module, resource: resource)
    }

    private func note(_ error: any Error, of module: ModuleName, _ now: Int) {
        let isLasting = (error as? any ResourceError)?.code.status ?? 500 < 500
        state.withLock { state in
            if state.failures.count >= ModuleBinder.failureLimit { state.failures = state.failures.filter { $0.value.until > now } }
            guard state.failures.count < ModuleBinder.failureLimit else { return }
            state.failures[module] = (error, now + (isLasting ? ModuleBinder.absence : ModuleBinder.trouble))
        }
    }

    private func bound(_ module: ModuleName) -> OpenedResource? {
        state.withLock { state in state.modules[module].flatMap { state.resources[$0] } }
    }

    /// What provides a module, and how that was found out.
    private func find(_ module: ModuleName) throws -> (OpenedResource, Finding) {
        if let known = state.withLock({ $0.known[module] }), let resource = try? open(known.locator), resource.provides(module) {
            return (resource, (known.checkedAt, known.choice))
        }
        switch policy.decide(module) {
        case .locked(let entry): return (try open(entry), (Clock.now, nil))
        case .allowed:
            let providers = try supply.providers(of: module)
            let provider = try policy.choose(among: providers, for: module)
            let resource = try open(provider.locator.pinned(to: provider.manifest))
            guard resource.provides(module) else {
                throw RegistryError(
                    "\(provider.locator) was said to provide \(module), and does not", code: .resourceNotFound,
                    hint: "its registry's index is wrong: rx verify --repair there makes it anew")
            }
            return (resource, (Clock.now, providers.count > 1 ? policy.choice : nil))
        case .named(let locators): return (try named(locators, module), (Clock.now, policy.choice))
        case .refused: throw policy.refusal(of: "The module \(module)", allow: module.description)
        }
    }

    /// Those resources that the policy names one by one, of which one may provide the module. Asking for them tells nobody of the module.
    private func named(_ locators: [Locator], _ module: ModuleName) throws -> OpenedResource {
        var trouble: (any ResourceError)?
        for locator in locators {
            do {
                let resource = try open(locator)
                if resource.provides(module) { return resource }
            } catch let error as any ResourceError { if error.code.status >= 500 { trouble = trouble ?? error } }
        }
        if let trouble { throw trouble }
        throw policy.refusal(of: "The module \(module)", allow: module.description)
    }

    /// A resource that the program names itself. Throws a `ResourceError`, `moduleRefused` for what the policy does not allow.
    package func open(named locator: Locator) throws -> OpenedResource {
        switch policy.decide(locator.at(registry: nil)) {
        case .locked(let entry): return try open(entry)
        case .allowed where locator.registry == nil:
            let resource = try open(locator)
            if locator.digestPrefix == nil { state.withLock { _ = $0.asked[resource.digest, default: []].insert(locator) } }
            return resource
        default: throw policy.refusal(of: "The resource \(locator)", allow: locator.repository)
        }
    }

    private func open(_ entry: Lock.Entry) throws -> OpenedResource { try open(entry.pinned) { [supply] in try supply.resource(entry) } }

    /// The resource of a locator, looked for once.
    private func open(_ locator: Locator, _ look: (() throws -> OpenedResource)? = nil) throws -> OpenedResource {
        func opened() -> OpenedResource? { state.withLock { state in state.locators[locator].flatMap { state.resources[$0] } } }
        if let resource = opened() { return resource }
        return try openings.run(locator) {
            if let resource = opened() { return resource }
            let found = try look?() ?? supply.resource(locator)
            return state.withLock { state in
                let resource = state.resources[found.digest] ?? found
                state.resources[found.digest] = resource
                state.locators[locator] = found.digest
                return resource
            }
        }
    }

    /// Makes sure that a file or folder of a bound resource is in its view; gives its path there. Throws `RegistryError` when no such
    /// resource is bound, or it has nothing of this path.
    package func present(_ path: FilePath, of digest: Digest) throws -> String {
        let resource = try boundResource(digest)
        guard let found = try supply.present(path, of: resource) else {
            throw RegistryError("\(resource.stored.locator) has no file \(FilePath.quoted(path.text))", code: .notFound)
        }
        note([(digest, path)])
        return found
    }

    /// Makes sure that all files of a folder of a bound resource are in its view, which are fetched together; nil is the root. Gives its path
    /// there. Throws as `present` for a path does.
    package func present(folder: FilePath?, of digest: Digest) throws -> String {
        let resource = try boundResource(digest)
        guard let files = try supply.present(folder: folder, of: resource) else {
            throw RegistryError(
                "\(resource.stored.locator) has no folder \(FilePath.quoted(folder?.text ?? ""))", code: .notFound)
        }
        note(files.map { (digest, $0) })
        return folder.map { "\(resource.root)/\($0)" } ?? resource.root
    }

    private func boundResource(_ digest: Digest) throws -> OpenedResource {
        guard let resource = try resource(digest) else {
            throw RegistryError(
                "No resource with the manifest \(digest) is bound here", code: .resourceNotFound, hint: "ask for the module first")
        }
        return resource
    }

    /// The resource of a manifest: one that is bound, or known from the lock or the last runs.
    package func resource(_ digest: Digest) throws -> OpenedResource? {
        if let resource = state.withLock({ $0.resources[digest] }) { return resource }
        if let entry = policy.lock?.entry(manifest: digest) { return try open(entry) }
        let known = state.withLock { state in state.known.filter { $0.value.locator.digest == digest }.map(\.key) }
        var refusal: (any Error)?
        for module in known {
            // It may be something else by now, or refused where another one of the same resource is not.
            do {
                let resource = try bind(module).resource
                if resource.digest == digest { return resource }
            } catch { refusal = refusal ?? error }
        }
        if let refusal { throw refusal }
        return nil
    }

    /// The locators by which the program itself named a resource, in order.
    func asked(of digest: Digest) -> [Locator] {
        state.withLock { $0.asked[digest] ?? [] }.sorted { $0.description < $1.description }
    }

    /// Counts what a program used without asking: of its modules those that it may have found itself. What is not here any more is asked for.
    package func note(_ uses: RunUses) {
        for (digest, module) in uses.modules where finding(itself: module, as: digest) != nil { _ = try? bind(module) }
        note(uses.files)
    }

    /// How a module was found out that is not bound, and that a program may have found itself to be a resource: in the lock, or among what was
    /// known. Nil when it cannot have.
    func finding(itself module: ModuleName, as digest: Digest) -> Finding? {
        guard bound(module) == nil else { return nil }
        if policy.lock?.entry(providing: module)?.manifest == digest { return (Clock.now, nil) }
        return state.withLock { $0.known[module] }.flatMap { $0.locator.digest == digest ? ($0.checkedAt, $0.choice) : nil }
    }

    /// Whether the manifest of a resource was read.
    func isOpened(_ digest: Digest) -> Bool { state.withLock { $0.resources[digest] != nil } }

    /// Does something with what is here, asking nobody, and takes over what came of it.
    func alone(_ body: (ModuleBinder) -> Void) {
        let other = ModuleBinder(policy: policy, supply: supply.offline, state: state.withLock { $0 })
        body(other)
        let found = other.state.withLock { $0 }
        state.withLock { $0 = found }
    }

    private init(policy: ModulePolicy, supply: ModuleSupply, state: State) {
        self.policy = policy
        self.supply = supply
        self.state = Mutex(state)
    }

    /// Counts uses of files of bound resources; others are left out.
    package func note(_ uses: [(digest: Digest, path: FilePath)]) {
        for digest in Set(uses.map(\.digest)) { _ = try? resource(digest) }
        state.withLock { state in
            for use in uses {
                guard state.resources[use.digest]?.tree.find(use.path) != nil else { continue }
                state.uses[use.digest, default: [:]][use.path, default: 0] += 1
            }
        }
    }

    /// What need not be asked for: modules that are bound, or known and of which something is in a view.
    package var table: [(module: ModuleName, digest: Digest, root: String)] {
        var table: [ModuleName: Digest] = [:]
        for (module, known) in state.withLock({ $0.known }) { table[module] = known.locator.digest }
        for entry in policy.lock?.entries ?? [] { for module in entry.provides.names { table[module] = entry.manifest } }
        table = table.filter { supply.views.hasAny(of: $0.value) }
        table.merge(state.withLock { $0.modules }) { $1 }
        return table.map { ($0.key, $0.value, supply.views.root($0.value)) }.sorted { $0.module.description < $1.module.description }
    }

    /// The table as text: one line a module, its fields with tabs between them.
    package var tableText: String { table.map { RunNotes.line($0.module, $0.digest, $0.root) }.joined() }

    /// How it was found out what a bound module is.
    func finding(_ module: ModuleName) -> Finding? { state.withLock { $0.findings[module] } }

    /// The registries that are asked, in order.
    var registries: String { supply.registries }

    /// What is bound, sorted by module.
    package var modules: [BoundModule] {
        state.withLock { state in
            state.modules.map { BoundModule(module: $0.key, resource: state.resources[$0.value]!) }
        }.sorted { $0.module.description < $1.module.description }
    }

    /// Every resource that the program got something of or asked for.
    package var resources: [OpenedResource] { state.withLock { Array($0.resources.values) }.sorted { $0.digest < $1.digest } }

    /// How often each file of each resource was used.
    package var uses: [Digest: [FilePath: Int]] { state.withLock { $0.uses } }
}
