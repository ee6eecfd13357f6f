public import RxHTTP
public import RxModel
import RxPosix
public import RxSource
public import RxStore

/// A user's home: the local store, the configuration, the links, and the registries that may be asked.
///
/// Source: Specs/09-command-line.
public struct Client: Sendable {
    /// The home's folder.
    public let home: String
    /// The local store.
    public let store: DiskStore
    /// What may be added.
    public let sources: SourceRegistry
    let choice: RegistryChoice
    /// Sends what is asked, with the user's credentials where they are asked for.
    let transport: any HTTPTransport
    /// The same without anybody's credentials.
    let bareTransport: any HTTPTransport
    /// Counts what both send and receive.
    let wire: MeteringTransport
    let progress: any Progress
    let faces: RegistryFaces
    /// What the copies that are here in part have on their way.
    let partialTraffic = PartialTraffic()
    var links: LinkTable

    /// Opens a home, making it when it is absent. `environment` is the value of `RX_REGISTRY`: an address, empty for no registry
    /// whatever is configured, nil when it is not set. `version` is the program's, for the User-Agent.
    public init(home: String, environment: String?, version: String, progress: any Progress = NoProgress(), githubURL: String? = nil) throws
    {
        try self.init(
            home: home, environment: environment, transport: CurlTransport(agent: "rx/\(version)"), progress: progress, githubURL: githubURL
        )
    }

    /// Opens a home over another transport.
    init(home: String, environment: String?, transport: any HTTPTransport, progress: any Progress = NoProgress(), githubURL: String? = nil)
        throws
    {
        self.home = home
        choice = try RegistryChoice(home: home, environment: environment)
        let transfers = try choice.configuration.transfers
        wire = MeteringTransport(transport)
        bareTransport = RetryingTransport(wire, transfers: transfers)
        let transport = RetryingTransport(
            AuthenticatingTransport(wire, credentials: CredentialStore(home: home)), transfers: transfers)
        self.transport = transport
        self.progress = progress
        faces = RegistryFaces(home: home)
        store = try DiskStore(at: home)
        links = try LinkTable(home: home)
        var sources = SourceRegistry()
        sources.register(GitHubSource(base: githubURL ?? GitHubSource.base) { try Download.open($0, transport) })
        self.sources = sources
    }

    /// The message for work that needs a registry where there is none.
    public static let noRegistry = RegistryError(
        "No registry configured. Use: rx registry add <name> <url>  or  rx config set registry <url>", code: .invalidRequest)

    var configuration: ClientConfiguration { choice.configuration }

    /// The registries that a bare locator is looked for in, in order; for a configured address that is none, its error.
    var registries: [Result<RegistryURL, RegistryError>] { choice.registries }

    /// The registry that push and pull use when none is named; nil when there is none. Throws `RegistryError` for a configured
    /// address that is none.
    public var defaultRegistry: RegistryURL? {
        get throws(RegistryError) { try registries.first?.get() }
    }

    /// The registry of a configured name or an address; the default one for nil. Throws `RegistryError`.
    public func registry(_ text: String?) throws -> RegistryURL {
        guard let text else {
            guard let first = try defaultRegistry else { throw Client.noRegistry }
            return first
        }
        if let named = configuration.registry(named: text) { return try named.address }
        guard text.contains(".") || text.contains(":") || text == "localhost" else {
            throw RegistryError(
                "Registry \"\(text)\" not found", code: .notFound,
                hint: "name a configured registry (rx registry list) or write its address")
        }
        return try RegistryURL(parsing: text)
    }

    /// The registry that a locator's host means: the configured one of that host, else the host itself.
    func registry(forHost host: String) throws -> RegistryURL {
        let wanted = try RegistryURL(parsing: host)
        let configured = registries.lazy.compactMap { try? $0.get() }
        return configured.first { $0.authority == wanted.authority || $0.authority == host.lowercased() } ?? wanted
    }

    /// The host that copies from a registry are stored under.
    public func cacheHost(_ text: String) throws -> String { try registry(text).authority }

    /// Speaks to a registry.
    public func remote(_ registry: RegistryURL) -> RegistryClient { RegistryClient(registry, transport: transport, progress: progress) }

    /// Writes resources of the local store to folders and archives.
    public var exporter: ResourceExporter { ResourceExporter(store: store, records: "\(home)/cache/folders", progress: progress) }

    /// Stores archives.
    public var importer: ResourceImporter { ResourceImporter(store: store, progress: progress) }
}
