public import RxHTTP
import RxModel

/// Speaks OCI Distribution 1.1 to one registry. Source: Specs/11-distribution; OCI distribution spec v1.1.
///
/// What only reads is asked again, a few times, when the connection is lost or the registry is busy for the moment. `progress` is told of
/// the bytes of blobs that move; beginning and ending the work is the caller's.
public struct DistributionClient: Sendable {
    let registry: RegistryURL
    let transport: any HTTPTransport
    let progress: any Progress
    var limits = Limits()

    /// Speaks to `registry` over `transport`, which proves who asks (`AuthenticatingTransport`) where that is needed.
    public init(_ registry: RegistryURL, transport: any HTTPTransport, progress: any Progress = NoProgress()) {
        self.registry = registry
        self.transport = transport
        self.progress = progress
    }

    /// Asks whether the registry speaks this protocol and lets the caller in. Throws `RegistryError` when one of both is not so.
    public func check() throws {
        let head = try answer(request("GET", "/v2/"), "talk to it").head
        guard head.status == 200 else { throw unexpected(head, [], "talk to it") }
    }

    /// Whether `name` is a name that every registry takes for a repository. Source: OCI distribution spec v1.1, "Pulling manifests".
    public static func isPortable(_ name: String) -> Bool { DistributionName.isPortable(name) }
}
