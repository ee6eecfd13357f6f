package import RxClient
package import RxLoader
package import RxModel
import RxPosix

/// Says which resources provide modules. The calls block.
package protocol ModuleIndex: Sendable {
    /// The resources here that provide a module: the home's own first.
    func localProviders(of module: ModuleName) throws -> [Provider]
    /// Those of the first registry that has any. Throws a `ResourceError` when one before could not be asked.
    func providers(of module: ModuleName) throws -> [Provider]
    /// The addresses of the registries that are asked, in order.
    var asked: [String] { get }
}

extension Client: ModuleIndex {}

/// Where resources come from, and the folders that their files appear in: what the hosts of one home share.
package struct ModuleSupply: Sendable {
    private let index: any ModuleIndex
    private let local: any LocalShelf
    private let remote: (any RemoteShelf)?
    /// Where the files appear.
    package let views: ViewFolders
    private let arrivals = SingleFlight<String, String?>()

    /// Looks here first, then in `remote`; without the latter nobody is asked.
    package init(index: any ModuleIndex, local: any LocalShelf, remote: (any RemoteShelf)?, views: ViewFolders) {
        self.index = index
        self.local = local
        self.remote = remote
        self.views = views
    }

    /// A home's store and registries.
    package init(_ client: some ModuleIndex & LocalShelf & RemoteShelf, views: ViewFolders, offline: Bool = false) {
        self.init(index: client, local: client, remote: offline ? nil : client, views: views)
    }

    /// The registries that are asked, in order: what was found at others says nothing of these.
    package var registries: String { index.asked.joined(separator: " ") }

    /// The same, where nobody is asked.
    package var offline: ModuleSupply { ModuleSupply(index: index, local: local, remote: nil, views: views) }

    /// A resource: one that is pinned from here when it is here, another one as its registry has it now. Its files are fetched one by one, when
    /// they are asked for. Throws a `ResourceError`.
    package func resource(_ locator: Locator) throws -> OpenedResource { try opened(find(locator)) }

    private func opened(_ stored: StoredResource) throws -> OpenedResource {
        let resource = OpenedResource(stored, root: views.root(stored.digest))
        try views.writeList(of: resource)
        return resource
    }

    private func find(_ locator: Locator) throws -> StoredResource {
        // A digest means the same everywhere, so what is here is never asked for.
        if locator.digest != nil || remote == nil, let stored = try local.stored(locator) {
            return remote == nil ? stored.offline : stored
        }
        guard let remote else {
            let freeze = "run rx freeze, or this command without --offline, while the registry can be reached"
            if locator.digestPrefix == nil, let advice = UnknownTag.advice(locator, try local.contents(named: locator)) {
                throw RegistryError(
                    "what the tag of \(locator) means is not known here, and offline nobody is asked", code: .unreachable,
                    hint: "\(advice); else \(freeze)")
            }
            throw RegistryError("\(locator) is not here, and offline nobody is asked", code: .unreachable, hint: freeze)
        }
        return try remote.fetched(locator) { _ in true }
    }

    /// The content that a lock's entry names, from wherever it can be had. Throws `ContentError` when its files, or the modules that it provides,
    /// are not those of the entry.
    package func resource(_ entry: Lock.Entry) throws -> OpenedResource {
        let stored = try find(entry.pinned)
        try ModuleSupply.compare(entry, stored)
        return try opened(stored)
    }

    /// Compares the entries of a lock of which something is in a view with what is here: a program takes that without asking. Throws
    /// `ContentError` for the first that is something else.
    package func check(_ lock: Lock?) throws {
        for entry in lock?.entries ?? [] where views.hasAny(of: entry.manifest) && !views.hasCompared(entry) {
            guard let stored = try local.stored(entry.pinned) else { continue }
            try ModuleSupply.compare(entry, stored)
            views.noteCompared(entry)
        }
    }

    private static func compare(_ entry: Lock.Entry, _ stored: StoredResource) throws(ContentError) {
        let hint = "the entry does not fit together: take it out of the lock, and record it anew"
        let (manifest, tree) = (stored.digest, stored.manifest.tree)
        guard manifest == entry.manifest, tree == entry.tree else {
            throw ContentError(
                "\(entry.locator) is locked as manifest \(entry.manifest) with tree \(entry.tree), and is manifest \(manifest) with tree \(tree)",
                code: .digestInvalid, hint: hint)
        }
        guard Set(stored.manifest.definition.provides.names) == Set(entry.provides.names) else {
            throw ContentError(
                "\(entry.locator) is locked with other modules than its definition says that it provides", code: .digestInvalid, hint: hint)
        }
    }

    /// The resources that provide a module: the home's own, else what the first registry that has any says; copies while none can be asked.
    package func providers(of module: ModuleName) throws -> [Provider] {
        let here = try index.localProviders(of: module)
        let own = here.filter { $0.locator.registry == nil }
        guard own.isEmpty, remote != nil else { return own.isEmpty ? here : own }
        do { return try index.providers(of: module) } catch let error as RegistryError where error.code == .unreachable {
            guard !here.isEmpty else { throw error }
            return here
        }
    }

    /// Whether the home's own store has something else for a module than what it was found to be: a resource of its own, or no longer.
    package func hasMoved(_ module: ModuleName, from locator: Locator, _ digest: Digest) -> Bool {
        let own = ((try? index.localProviders(of: module)) ?? []).filter { $0.locator.registry == nil }
        return own.isEmpty ? locator.registry == nil : !own.contains { $0.manifest == digest }
    }

    /// How many files are put into a view at a time.
    private static let writers = 4

    /// Makes sure that all files of a folder of a resource are in its view, with those that its symlinks lead to: what has to be fetched is asked
    /// for together. Gives the files; nil when there is no such folder.
    package func present(folder: FilePath?, of resource: OpenedResource) throws -> [FilePath]? {
        guard case .folder(let place) = resource.tree.find(folder) else { return nil }
        let entries = resource.tree.entries(in: place, limit: .max).entries
        let paths = entries.map { entry -> FilePath in
            let name = if case .file(let name, _) = entry { name } else { String(Substring(entry.name.utf8.dropLast())) }
            return FilePath(unchecked: place.map { "\($0)/\(name)" } ?? name)
        }
        let absent = paths.filter { !views.has($0, of: resource) }
        let files = absent.compactMap { path in if case .file(let file) = resource.tree.find(path) { file } else { nil } }
        try resource.stored.fetch(resource.stored.missing(files))
        try WorkerPool.forEach(0..<absent.count, threads: ModuleSupply.writers) { _ = try present(absent[$0], of: resource) }
        // A folder of which nothing is here is made.
        if let folder { _ = try present(folder, of: resource) }
        return paths.filter { resource.tree.isFile($0) }
    }

    /// Makes sure that what a path of a resource leads to is in its view; gives its path there, nil when it leads nowhere.
    package func present(_ path: FilePath, of resource: OpenedResource) throws -> String? {
        if views.has(path, of: resource) { return "\(resource.root)/\(path)" }
        return try arrivals.run("\(resource.digest.hex)/\(path)") {
            try views.present(path, of: resource) { try resource.stored.open($0) }
        }
    }
}
