public import RxHTTP
public import RxModel
import RxProtocol
import RxStore

/// A resource that provides a module.
public struct Provider: Sendable, Equatable {
    /// Its name, with the registry that it was found at; a bare one for the home's own.
    public let locator: Locator
    /// The SHA-256 of the manifest's bytes.
    public let manifest: Digest
    /// The tree digest.
    public let tree: Digest
    /// Whether it says so itself, and does not only have the module's name.
    public let isDeclared: Bool

    /// Describes a resource.
    public init(locator: Locator, manifest: Digest, tree: Digest, isDeclared: Bool) {
        self.locator = locator
        self.manifest = manifest
        self.tree = tree
        self.isDeclared = isDeclared
    }
}

/// Which resources provide a module. Source: Specs/02-definition, DEF-118.
extension Client {
    /// The resources here that provide a module: the home's own before copies, and the one put last first. Where none says so, the resource
    /// of the module's name.
    public func localProviders(of module: ModuleName) throws -> [Provider] {
        let found = try store.providers(of: module, scope: .all, limit: Providers.limit)
        let declared = (found.filter(\.reference.registry.isEmpty) + found.filter { !$0.reference.registry.isEmpty }).map { record in
            Provider(locator: record.reference.locator, manifest: record.manifestDigest, tree: record.tree, isDeclared: true)
        }
        guard declared.isEmpty, let namesake = module.namesake else { return declared }
        let hosts = registries.compactMap { try? $0.get().authority }
        let records = try ([nil] + hosts).compactMap { try local(namesake.at(registry: $0)) }
        return records.compactMap { Provider(named: $0, at: $0.reference.locator.registry, module) }
    }

    /// The resources of a registry that provide a module: one of each repository, the one put last first. Where none says so, or the registry
    /// cannot tell, the resource of the module's name.
    public func providers(of module: ModuleName, at registry: RegistryURL) throws -> [Provider] {
        let answer = try ask(registry) {
            try $0.providers(of: module)
        } distribution: { _ in
            Providers([])
        }
        func found(_ provider: Providers.Provider, isDeclared: Bool) -> Provider {
            Provider(
                locator: provider.locator.at(registry: registry.authority), manifest: provider.manifest, tree: provider.tree,
                isDeclared: isDeclared)
        }
        guard answer.providers.isEmpty, let namesake = module.namesake else { return answer.providers.map { found($0, isDeclared: true) } }
        switch answer.namesake {
        case .some(let provider): return [found(provider, isDeclared: false)]
        case .none: return []
        case .unknown: break
        }
        do {
            return [Provider(named: try describe(namesake, registry).record, at: registry.authority, module)].compactMap { $0 }
        } catch let error as RegistryError where error.code == .resourceNotFound { return [] }
    }

    /// The resources that provide a module at the first registry that has any, asked in order. One that cannot be asked, or does not say, ends
    /// that with its error: what it has is not known, and its modules' names are not for the next one.
    public func providers(of module: ModuleName) throws -> [Provider] {
        for candidate in registries {
            let found = try providers(of: module, at: candidate.get())
            if !found.isEmpty { return found }
        }
        return []
    }

    /// The addresses of the registries that are asked, in order.
    public var asked: [String] { choice.asked }

    /// The same of a home that is not opened. Throws a `ResourceError` for a configuration that is none; `environment` is as for `init`.
    public static func asked(home: String, environment: String?) throws -> [String] {
        try RegistryChoice(home: home, environment: environment).asked
    }
}

extension Provider {
    /// A resource that has the module's name and says nothing of what it provides, or that it provides it, where nobody had looked at that; nil for
    /// another one.
    fileprivate init?(named record: ResourceRecord, at registry: String?, _ module: ModuleName) {
        guard record.mayProvide(module) else { return nil }
        self.init(
            locator: record.reference.locator.at(registry: registry), manifest: record.manifestDigest, tree: record.tree,
            isDeclared: !record.definition.provides.isEmpty)
    }
}
