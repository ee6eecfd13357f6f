import Foundation
import RxModel
import RxTesting
import Testing

/// Streams of many blobs whose client, or whose registry, is killed midway.
@Suite struct `Streams that are cut off` {
    let work: TemporaryFolder
    let blobs: [[UInt8]]
    let body: String

    init() throws {
        work = try TemporaryFolder()
        blobs = (0..<60).map { number in (0..<50_000).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 7) &+ number) } }
        body = try work.write("body.tar", blobs.reduce(RawTar()) { $0.blob($1) }.closed)
    }

    /// curl sending the stream, of which no more than a quarter passes.
    private func sending(to registry: RegistryProcess, through proxy: CountingProxy) throws -> SpawnedProcess {
        proxy.hold(at: 750_000)
        let process = SpawnedProcess()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = [
            "--silent", "--output", "/dev/null", "--data-binary", "@\(body)", "\(proxy.url)/api/v1/blobs?repository=a",
        ]
        try process.run()
        #expect(waitUntil { proxy.sent >= 750_000 })
        return process
    }

    private func proxy(to registry: RegistryProcess) throws -> CountingProxy {
        try CountingProxy(to: registry)
    }

    private func missing(in registry: RegistryProcess) throws -> Int {
        let list = blobs.map { JSON.members(["digest": .string(digest(of: $0).description), "size": .integer($0.count)]) }
        let query = try work.write("query", JSON.members(["repository": "a", "blobs": .array(list)]).canonical)
        let answer = try curl("--data-binary", "@\(query)", "\(registry.url)/api/v1/blobs/missing")
        #expect(answer.status == 200)
        return try JSON(parsing: [UInt8](answer.body))["missing"]?.array?.count ?? -1
    }

    private func send(to registry: RegistryProcess) throws {
        let answer = try curl("--data-binary", "@\(body)", "\(registry.url)/api/v1/blobs?repository=a")
        #expect(answer.status == 200)
        #expect(try missing(in: registry) == 0)
    }

    /// Every file that the registry calls a blob holds what its name says.
    private func checkFiles(_ registry: RegistryProcess) throws {
        let ended = try run(
            "/bin/sh",
            [
                "-c",
                "cd \"$1\"/blobs/sha256 && for f in $(find . -type f); do echo \"$(basename $f)  $f\"; done | sha256sum --check --quiet --ignore-missing || test -z \"$(find . -type f)\"",
                "sh",
                registry.data.path,
            ])
        #expect(ended.status == 0, "\(ended.text) \(ended.error)")
    }

    @Test func `keep what was complete`() throws {
        let registry = try RegistryProcess()
        let proxy = try proxy(to: registry)
        let client = try sending(to: registry, through: proxy)
        kill(client.processIdentifier, SIGKILL)
        client.waitUntilExit()
        // What the client has left in its socket does not pass either.
        proxy.breakAll()
        proxy.hold(at: .max)
        var left = blobs.count
        _ = try waitUntil {
            left = try missing(in: registry)
            return left < blobs.count
        }
        #expect((1..<blobs.count).contains(left), "\(left) of \(blobs.count) are missing")
        try send(to: registry)
        try checkFiles(registry)
        #expect(registry.peakKiB < 64 << 10)
    }

    @Test func `leave a registry that was killed whole, and the same stream can be sent again`() throws {
        let registry = try RegistryProcess()
        let proxy = try proxy(to: registry)
        let client = try sending(to: registry, through: proxy)
        #expect(registry.end(SIGKILL) == SIGKILL)
        proxy.hold(at: .max)
        client.waitUntilExit()
        #expect(client.terminationStatus != 0)
        try checkFiles(registry)
        let again = try RegistryProcess(data: registry.data)
        #expect((1...blobs.count).contains(try missing(in: again)))
        try send(to: again)
        try checkFiles(again)
    }
}
