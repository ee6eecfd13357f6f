public import RxHTTP

/// Speaks OCI Distribution 1.1 to one registry. Source: Specs/11-distribution; OCI distribution spec v1.1.
///
/// What can be asked twice is asked again, a few times, when the connection is lost or the registry is busy for the moment. `progress` is
/// told of the bytes of blobs that move; beginning and ending the work is the caller's. Errors of the registry are `RegistryError`s with
/// its own code and words, and what was tried.
public struct DistributionClient: Sendable {
    let registry: RegistryURL
    let transport: RetryingTransport
    let progress: any Progress
    var limits = Limits()
    /// Where the places of long uploads are kept; nil for nowhere.
    var uploads: UploadNotes?

    /// Speaks to `registry` over `transport`, which proves who asks (`AuthenticatingTransport`) where that is needed.
    public init(_ registry: RegistryURL, transport: any HTTPTransport, progress: any Progress = NoProgress()) {
        self.registry = registry
        self.transport = RetryingTransport.around(transport)
        self.progress = progress
    }

    /// How many blobs move at once.
    var gate: TransferGate { transport.gate(registry.description) }

    /// The patience for one thing that is asked of the registry.
    func patience() -> Patience { transport.patience(limits.retry, registry.description) }

    /// Asks whether the registry speaks this protocol and lets the caller in; what `rx login` does before it keeps a credential.
    /// Throws `RegistryError` when one of both is not so.
    public func check() throws {
        let (head, body) = try answer(request("GET", "/v2/"), to: "let this user in")
        guard head.status == 200 else { throw refusal(head, body, to: "speak OCI Distribution (/v2/)") }
        // A site that answers everything with a page, such as one that is being repaired, is no registry.
        let type = head.headers["Content-Type"]?.lowercased() ?? ""
        guard !type.hasPrefix("text/html") else { throw broken("speak OCI Distribution (/v2/)", "it sent a web page") }
    }

    /// Whether every registry takes `name` for a repository; rx's own take more. Source: OCI distribution spec v1.1, "Pulling manifests".
    public static func isPortable(_ name: String) -> Bool { DistributionName.isPortable(name) }
}
