import RxHTTP
import RxModel

/// Which registries a home's programs ask: what its configuration says, unless the environment does.
///
/// Source: Specs/09-command-line.
struct RegistryChoice: Sendable {
    let configuration: ClientConfiguration
    /// The registry that the environment names; nil inside for "no registry at all", nil outside for nothing said.
    private let environment: RegistryURL??

    /// Reads a home's configuration, all of which must be right; `environment` is the value of `RX_REGISTRY`. Throws a `ResourceError`.
    init(home: String, environment: String?) throws {
        configuration = try ClientConfiguration(home: home)
        _ = try configuration.transfers
        _ = try configuration.cacheSize
        self.environment = try environment.map { try $0.isEmpty ? .none : .some(RegistryURL(parsing: $0)) }
    }

    /// The registries that a bare locator is looked for in, in order; for a configured address that is none, its error.
    var registries: [Result<RegistryURL, RegistryError>] {
        if let environment { return environment.map { [.success($0)] } ?? [] }
        let standard = configuration.defaultRegistry
        let all = (standard.map { [$0] } ?? []) + configuration.registries.filter { $0 != standard }
        return all.map { entry in Result { () throws(RegistryError) in try entry.address } }
    }

    /// The addresses of those that can be asked.
    var asked: [String] { registries.compactMap { try? $0.get().description } }
}
