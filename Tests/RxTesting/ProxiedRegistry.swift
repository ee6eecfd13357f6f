import RxModel
import Testing

/// A registry process, and in front of it a proxy that counts what passes, slows it down, changes it or keeps it away.
public struct ProxiedRegistry: Sendable {
    /// The registry.
    public let registry: RegistryProcess
    /// What its users talk to.
    public let proxy: CountingProxy

    /// Starts both.
    public init() throws {
        registry = try RegistryProcess()
        proxy = try CountingProxy(to: registry)
    }

    /// The proxy as locators name it.
    public var host: String { "localhost:\(proxy.port)" }

    /// Somebody with a home of their own who uses the registry through the proxy.
    public func user() throws -> User { try User(["RX_REGISTRY": host]) }

    /// The requests that the registry answered since `count` of them, `more` at least, such as `POST /api/v1/blobs`.
    public func asked(since count: Int = 0, _ more: Int = 1) throws -> [String] {
        try registry.requestLines(count + more).dropFirst(count).map { entry in
            "\(entry["method"]?.string ?? "") \((entry["path"]?.string ?? "").prefix { $0 != "?" })"
        }
    }
}

extension CountingProxy {
    /// Passes on to a registry.
    public convenience init(to registry: RegistryProcess, bytesPerSecond: Int = 0) throws {
        self.init(to: try #require(Int(registry.host.split(separator: ":")[1])), bytesPerSecond: bytesPerSecond)
    }
}
