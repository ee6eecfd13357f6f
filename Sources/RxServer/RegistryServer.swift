import RxPosix
public import RxStore

/// A private registry: the HTTP interface over a store. Source: Specs/06-http.
public final class RegistryServer: Sendable {
    let server: HTTPServer
    private let log: AccessLog
    private let host: String
    private let collector: BackgroundCollector?

    /// Serves `store` until `stop`. Throws `RegistryError` when the address cannot be listened on, `PosixError` when the data folder
    /// cannot be made.
    public init(_ configuration: ServerConfiguration, store: any Store, log: AccessLog = AccessLog()) throws {
        Signals.ignoreBrokenPipes()
        let spool = "\(configuration.data)/staging"
        try Files.makeFolders(spool)
        let workers = Workers(long: configuration.workerThreads, transfers: configuration.maxTransfers)
        let archives = ArchiveCache(
            folder: "\(configuration.data)/cache/archives", limit: configuration.archiveCacheBytes, store: store, workers: workers)
        let chunks = ChunkService(folder: "\(configuration.data)/cache/chunks", store: store, workers: workers)
        let context = ServerContext(
            configuration: configuration, store: store, log: log, responses: ResponseCache(), archives: archives, chunks: chunks,
            workers: workers, spoolDirectory: spool)
        let limits = HTTPLimits(
            bodyBytes: configuration.maxBodyBytes, headBytes: configuration.maxHeaderBytes, connections: configuration.maxConnections,
            idleSeconds: configuration.idleSeconds, drainSeconds: configuration.drainSeconds)
        self.log = log
        host = configuration.host
        do {
            server = try HTTPServer(
                host: configuration.host, port: configuration.port, limits: limits,
                handler: RegistryHandler(context), workers: workers, log: log)
        } catch {
            workers.close()
            throw error
        }
        collector = BackgroundCollector(configuration, store: store, log: log)
    }

    deinit { stop() }

    /// The port that is listened on; the one the system chose when 0 was configured.
    public var port: Int { server.port }

    /// The URL of the server as seen from this machine.
    public var url: String {
        "http://\(host.utf8.contains(UInt8(ascii: ":")) && host.utf8.first != UInt8(ascii: "[") ? "[\(host)]" : host):\(port)"
    }

    /// Takes no new connections, lets requests finish up to the drain time, then closes what is left. Returns when all is over.
    public func stop() {
        collector?.end()
        server.stop()
        log.flush()
    }
}
