import RxModel
import RxPosix
import RxServer
import RxStore

extension Command {
    private static let data = Option("--data", "DIR", "the store's folder (default: the home, ~/.rx)")
    private static let host = Option("--host", "ADDRESS", "listen on this address (default 127.0.0.1)")
    private static let port = Option("--port", "N", "listen on this port, 0 for any free one (default 3000)")
    private static let interval = Option(
        "--gc-interval", "DURATION", "collect garbage so often: 30m, 6h, 1d, or 0 for never (default 0)")
    private static let untagged = Option(
        "--gc-untagged", "RULE", "what those collections do with manifests without a tag: as rx gc --untagged")
    private static let scrub = Option(
        "--scrub-rate", "SIZE", "read so many bytes of blobs a second again, to find damage (default 4MiB; 0 for none)")
    private static let file = Option("--config", "FILE", "read settings from this JSON file; the options above win")

    /// `rx serve`
    static let serve = Command(
        name: "serve", aliases: ["server"], summary: "Run a registry", arguments: "", count: 0...0,
        details: """
            Serves the resources of a store until SIGTERM or SIGINT: it then stops accepting, finishes what is in flight and exits 0.
            Prints its address on standard output, and one line a request on standard error. Any number may serve one folder.
            """,
        options: [data, host, port, file, interval, untagged, scrub, .json],
        examples: [
            .init("rx serve", "serve your own store on http://127.0.0.1:3000"),
            .init("rx serve --data /srv/rx --port 8080", "a registry with a folder of its own"),
            .init("rx serve --data /srv/rx --gc-interval 1d", "the same, which deletes what nothing names once a day"),
        ],
        takesSignals: true
    ) { invocation in
        var configuration = ServerConfiguration()
        configuration.data = try Home.path
        if let path = invocation.value(file) { configuration = try configuration.reading(try Files.read(path, limit: 1 << 20)) }
        if let value = invocation.value(data) { configuration.data = value }
        if let value = invocation.value(host) { configuration.host = value }
        configuration.port = try invocation.number(port, in: 0...65535, default: configuration.port)

        if let value = invocation.value(interval) { configuration.gcIntervalSeconds = try Duration(parsing: value).seconds }
        if let value = invocation.value(untagged) { configuration.gcUntagged = try CollectionOptions.Untagged(parsing: value) }
        if let value = try invocation.bytes(scrub) { configuration.scrubRate = value }

        Signals.holdEnd()
        _ = try RetentionPolicy.stored(in: configuration.data)
        let store = try DiskStore(at: configuration.data, uploadTime: configuration.uploadSessionSeconds)
        let server = try RegistryServer(configuration, store: store)
        try Output(invocation).print(
            .members(["url": .string(server.url), "data": .string(configuration.data)]),
            "Registry listening on \(server.url) (data: \(configuration.data))")
        if !configuration.isLoopbackOnly {
            Host.writeError(
                "warning: listening on \(configuration.host): everybody who can reach this address can read, publish and delete. Put a proxy that checks who it is in front.\n"
            )
        }
        let scrubber =
            configuration.scrubRate > 0 ? Scrubber(store, rate: configuration.scrubRate) { Host.writeError("warning: \($0)\n") } : nil
        scrubber?.start()
        _ = Signals.waitForEnd()
        scrubber?.stop()
        server.stop()
    }
}
