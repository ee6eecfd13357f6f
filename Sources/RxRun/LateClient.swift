package import RxClient
package import RxLoader
package import RxModel
import Synchronization

/// A home's client that is opened when it is first asked something: a program of which everything is in views needs no store.
package final class LateClient: ModuleIndex, LocalShelf, RemoteShelf {
    package let asked: [String]
    private let open: @Sendable () throws -> Client
    private let opened = Mutex<Client?>(nil)

    /// Of the home at `home`; `environment` and `version` are as for `Client`. Throws a `ResourceError` for a configuration that is none; that the
    /// store cannot be opened is told to who asks.
    package init(home: String, environment: String?, version: String) throws {
        asked = try Client.asked(home: home, environment: environment)
        open = { try Client(home: home, environment: environment, version: version) }
    }

    private var client: Client {
        get throws {
            try opened.withLock { opened in
                if let opened { return opened }
                let client = try open()
                opened = client
                return client
            }
        }
    }

    package func localProviders(of module: ModuleName) throws -> [Provider] { try client.localProviders(of: module) }
    package func providers(of module: ModuleName) throws -> [Provider] { try client.providers(of: module) }
    package func stored(_ locator: Locator) throws -> StoredResource? { try client.stored(locator) }
    package func contents(named locator: Locator) throws -> [Digest] { try client.contents(named: locator) }
    package func fetched(_ locator: Locator) throws -> StoredResource { try client.fetched(locator) }
    package func fetched(_ locator: Locator, partly: (_ type: String) -> Bool) throws -> StoredResource {
        try client.fetched(locator, partly: partly)
    }
    package func digest(of locator: Locator) throws -> Digest { try client.digest(of: locator) }
}
