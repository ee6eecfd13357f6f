import RxHTTP
import RxModel
import RxPosix
import Synchronization

/// Lends the kits of requests that go to other processes, so that what answers there reaches what its caller reaches, through the caller.
/// Source: Specs/15-loader, LOD-055.
///
/// A desk is a resource: the host program shows it by a bridge of its own. Each kit is there under a random name as long as its request lasts.
public final class KitDesk: Resource {
    /// Where the bridge shows this desk, as other processes see it.
    public let url: String
    private let kits = Mutex<[String: Kit]>([:])

    /// Lends kits at `url`.
    public init(url: String) {
        var url = url
        while url.utf8.last == UInt8(ascii: "/") { url.removeLast() }
        self.url = url
    }

    public func get(_ headers: Headers) async -> Reply {
        guard let (kit, inner) = kit(headers) else { return .notFound }
        return await kit.get(inner)
    }

    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let (kit, inner) = kit(headers) else { return .notFound }
        return await kit.put(inner, body)
    }

    private func kit(_ headers: Headers) -> (Kit, Headers)? {
        let (name, rest) = RoutePath.split(headers.path)
        guard let kit = kits.withLock({ $0[name] }) else { return nil }
        var inner = headers
        inner.path = rest
        return (kit, inner)
    }

    /// Gives `body` the address of a kit, which answers until `body` ends.
    func lending<Value>(_ kit: Kit, _ body: (String) async throws -> Value) async rethrows -> Value {
        let name = RandomName.make()
        kits.withLock { $0[name] = kit }
        defer { kits.withLock { $0[name] = nil } }
        return try await body("\(url)/\(name)")
    }
}

/// How a bridge reaches the kits that its callers lend.
public struct CallerKits: Sendable {
    static let address = "X-Bassline-Kit"
    static let names = "X-Bassline-Kit-Names"

    private let exchange: any HTTPExchange
    private let isTrusted: @Sendable (String) -> Bool
    private let network: BlockingWork

    /// Asks over `exchange` those kits whose address `isTrusted` says yes to: a caller chooses it, and it may be any. `network` must not be what
    /// the callers wait on, which is why it is not the one that other remote resources share.
    public init(
        over exchange: any HTTPExchange, network: BlockingWork = BlockingWork(threads: 8), isTrusted: @escaping @Sendable (String) -> Bool
    ) {
        self.exchange = exchange
        self.network = network
        self.isTrusted = isTrusted
    }

    /// The kit at an address, with the names that its caller says it reaches; nil for one that is not trusted.
    func kit(at address: String, names: String) -> Kit? {
        guard isTrusted(address) else { return nil }
        let names = names.utf8.split(separator: UInt8(ascii: ",")).compactMap { PercentEncoding.decode(String(Substring($0)).trimmed) }
        return Kit(Set(names), of: RemoteResource(address, over: exchange, network: network))
    }

    /// The names of a kit as a header has them.
    static func text(_ names: Set<String>) -> String { names.sorted().map { PercentEncoding.encode($0) }.joined(separator: ",") }
}
