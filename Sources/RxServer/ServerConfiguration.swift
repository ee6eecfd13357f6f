public import RxModel
public import RxStore

/// A registry server's settings. Source: Specs/06-http and 08-limits.
public struct ServerConfiguration: Sendable, Equatable {
    /// The host name or address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes any free one.
    public var port = 3000
    /// The store's folder.
    public var data = "./data"
    /// The URL that the server is reached by from outside, without `/api/v1`; nil when it is what clients say in `Host`.
    public var publicURL: String?
    /// The longest request body in bytes.
    public var maxBodyBytes = 8 << 30 + 64 << 20
    /// The longest request head in bytes.
    public var maxHeaderBytes = 16 << 10
    /// The most entries in an archive.
    public var maxEntries = 1_000_000
    /// The most bytes an archive may unpack to.
    public var maxUnpackedBytes = 8 << 30
    /// The most connections at a time.
    public var maxConnections = 10_000
    /// How long a connection without traffic is kept.
    public var idleSeconds = 60
    /// The most bytes of archives kept ready for download.
    public var archiveCacheBytes = 10 << 30
    /// The longest definition in bytes, which is the part `manifest` of a publish.
    public var maxDefinitionBytes = 1 << 20
    /// The longest manifest that is put in bytes.
    public var maxManifestBytes = 64 << 20
    /// How long an upload waits for its next part.
    public var uploadSessionSeconds = 24 * 3600
    /// Whether an index may list manifests that its repository does not have.
    public var sparseIndexes = false
    /// How long requests may take to finish when the server stops.
    public var drainSeconds = 10
    /// How long the server waits between two collections of garbage, in seconds; 0 for none.
    public var gcIntervalSeconds = 0
    /// Which manifests without a tag those collections leave.
    public var gcUntagged = CollectionOptions.Untagged.byDigest
    /// The number of threads that unpack and build archives.
    public var workerThreads = 4
    /// The most streams of blobs that are received or sent at a time.
    public var maxTransfers = 16
    /// How many bytes of blobs are read again a second, to find damage; 0 for none.
    public var scrubRate = 4 << 20

    /// The settings as they are when nothing is said.
    public init() {}

    /// Reads a JSON object over the defaults. Throws `ConfigurationError` naming the key at fault.
    public init(parsing bytes: [UInt8]) throws(ConfigurationError) { self = try ServerConfiguration().reading(bytes) }

    /// These settings with those of a JSON object over them. Members whose names begin with `//` are comments.
    /// Throws `ConfigurationError` naming the key at fault.
    public func reading(_ bytes: [UInt8]) throws(ConfigurationError) -> ServerConfiguration {
        var settings = self
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw ConfigurationError("the configuration is not JSON: \(error)") }
        guard let members = json.object else { throw ConfigurationError("the configuration must be a JSON object") }
        for (key, value) in members.sorted(by: { $0.key < $1.key }) where !key.hasPrefix("//") { try settings.set(key, value) }
        return settings
    }

    /// Whether only this machine can reach the server.
    public var isLoopbackOnly: Bool { RegistryHost.isLoopback(host) }

    private static let texts: [String: any WritableKeyPath<ServerConfiguration, String> & Sendable] = ["host": \.host, "data": \.data]

    private static let numbers: [String: (path: any WritableKeyPath<ServerConfiguration, Int> & Sendable, range: ClosedRange<Int>)] = [
        "port": (\.port, 0...65535), "maxBodyBytes": (\.maxBodyBytes, 1...Int.max), "maxHeaderBytes": (\.maxHeaderBytes, 1024...1 << 20),
        "maxEntries": (\.maxEntries, 1...1 << 31), "maxUnpackedBytes": (\.maxUnpackedBytes, 1...Int.max),
        "maxConnections": (\.maxConnections, 1...1_000_000), "idleSeconds": (\.idleSeconds, 1...86_400),
        "archiveCacheBytes": (\.archiveCacheBytes, 0...Int.max), "maxDefinitionBytes": (\.maxDefinitionBytes, 1...1 << 30),
        "maxManifestBytes": (\.maxManifestBytes, 1...1 << 30), "uploadSessionSeconds": (\.uploadSessionSeconds, 1...1 << 31),
        "drainSeconds": (\.drainSeconds, 0...3600), "workerThreads": (\.workerThreads, 1...256),
        "maxTransfers": (\.maxTransfers, 1...1024), "gcIntervalSeconds": (\.gcIntervalSeconds, 0...1 << 31),
        "scrubRate": (\.scrubRate, 0...Int.max),
    ]

    /// Every key that a configuration may have.
    public static let keys = (Array(texts.keys) + Array(numbers.keys) + ["publicURL", "sparseIndexes", "gcUntagged"]).sorted()

    private mutating func set(_ key: String, _ value: JSON) throws(ConfigurationError) {
        if let path = ServerConfiguration.texts[key] {
            guard let text = value.string, !text.isEmpty else {
                throw ConfigurationError("\(key) must be a text that is not empty", key: key)
            }
            self[keyPath: path] = text
        } else if let (path, range) = ServerConfiguration.numbers[key] {
            guard let number = value.int, range.contains(number) else {
                let most = range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
                throw ConfigurationError("\(key) must be a whole number, \(most)", key: key)
            }
            self[keyPath: path] = number
        } else if key == "sparseIndexes" {
            guard let flag = value.bool else { throw ConfigurationError("sparseIndexes must be true or false", key: key) }
            sparseIndexes = flag
        } else if key == "gcUntagged" {
            gcUntagged = try ServerConfiguration.untagged(value)
        } else if key == "publicURL" {
            guard value != .null else { return publicURL = nil }
            publicURL = try ServerConfiguration.url(value)
        } else {
            throw ConfigurationError(
                "the configuration has an unknown key \"\(key)\"", key: key,
                hint: Nearest.word(to: key, among: ServerConfiguration.keys).map { "did you mean \"\($0)\"?" }
                    ?? "the keys are \(ServerConfiguration.keys.joined(separator: ", "))")
        }
    }

    private static func untagged(_ value: JSON) throws(ConfigurationError) -> CollectionOptions.Untagged {
        guard value != .null else { return .byDigest }
        switch (value.string, value.int) {
        case ("keep", _): return .all
        case ("delete", _): return .younger(than: 0)
        case (nil, let seconds?) where seconds >= 0: return .younger(than: seconds)
        default: throw ConfigurationError("gcUntagged must be \"keep\", \"delete\" or a whole number of seconds", key: "gcUntagged")
        }
    }

    private static func url(_ value: JSON) throws(ConfigurationError) -> String {
        guard let text = value.string else { throw ConfigurationError("publicURL must be a text", key: "publicURL") }
        do { return try RegistryHost.url(text) } catch { throw ConfigurationError("publicURL: \(error)", key: "publicURL") }
    }
}

/// A configuration that cannot be used.
public struct ConfigurationError: ResourceError, Equatable {
    public let code = ErrorCode.invalidRequest
    public let message: String
    public let hint: String?
    /// The key at fault, when it is one.
    public let key: String?

    /// Makes the error.
    public init(_ message: String, key: String? = nil, hint: String? = nil) {
        self.message = message
        self.key = key
        self.hint = hint
    }
}
