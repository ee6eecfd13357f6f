import Foundation
import RxClient
import RxLoader
import RxModel
import RxTesting
import Testing

/// Modules of which only some files are here, between real processes: requests by the registry's log, bytes by a proxy.
/// Source: Specs/15-loader, "Partial resources".
@Suite struct `Partial resources between processes` {
    let work: TemporaryFolder
    let place: ProxiedRegistry
    var registry: RegistryProcess { place.registry }
    var proxy: CountingProxy { place.proxy }
    let alice: User
    let bob: User

    init() throws {
        work = try TemporaryFolder()
        place = try ProxiedRegistry()
        alice = try place.user()
        bob = try place.user()
    }

    /// Has the registry offer a module of `count` files.
    func offer(_ name: String, _ count: Int, _ more: [String: [UInt8]] = [:]) throws {
        try work.write("\(name)/resource.json", #"{"name":"\#(name)","path":"acme","type":"module","tag":"1.0.0"}"#)
        for index in 0..<count { try work.write("\(name)/pkg\(index / 100)/m\(index % 100).py", "value = \(index)\n") }
        for (path, bytes) in more { try work.write("\(name)/\(path)", bytes) }
        try alice.rx("add", "./\(name)", in: work.path)
        try alice.rx("push", "acme/\(name):1.0.0")
    }

    func expectClean(_ user: User) throws {
        let verified = try user.run("verify", "--json").json()
        #expect(verified["clean"] == true && verified["findings"]?.array?.isEmpty == true, "\(verified)")
    }

    @Test func `one of 10,000 files costs two requests, and the bytes of the manifest and the file`() async throws {
        try offer("tools", 10_000)
        let (received, count) = (proxy.received, try place.asked().count)
        #expect(try bob.rx("cat", "acme/tools:1.0.0/pkg42/m7.py") == "value = 4207\n")
        let cold = try place.asked(since: count)
        #expect(cold.count == 2 && cold[0] == "GET /api/v1/resource/acme%2Ftools%3A1.0.0", "\(cold)")
        #expect(cold.last?.hasPrefix("GET /v2/acme/tools/blobs/sha256:") == true, "\(cold)")
        // A line of a manifest has 32 bytes of digest that do not compress, and little else.
        #expect(proxy.received - received < 10_000 * 56 + 4000, "\(proxy.received - received) bytes")
        try expectClean(bob)
        let listed = try bob.run("list", "--json").json()
        #expect(listed["total"] == 0, "\(listed)")

        // The next use of the file asks whether the tag has moved, and with the registry gone nobody.
        let (warm, before) = (proxy.received, try place.asked().count)
        #expect(try bob.rx("cat", "acme/tools:1.0.0/pkg42/m7.py") == "value = 4207\n")
        #expect(try place.asked(since: before).count == 1 && proxy.received - warm < 1000)
        #expect(try bob.rx("gc", "--lease", "0s").contains("Deleted 0 blobs"))
        let offline = ["RX_REGISTRY": "localhost:9"]
        let host = "localhost:\(proxy.port)"
        #expect(try bob.run("cat", "\(host)/acme/tools/pkg42/m7.py", environment: offline).status == 0)
        let digest = try #require(try alice.run("info", "acme/tools:1.0.0", "--json").json()["manifestDigest"]?.string)
        #expect(registry.end() == 0)
        #expect(try bob.rx("cat", "\(host)/acme/tools:1.0.0/pkg42/m7.py") == "value = 4207\n")
        #expect(try bob.rx("cat", "\(host)/acme/tools@\(digest)/pkg42/m7.py") == "value = 4207\n")
        #expect(try bob.rx("cat", "acme/tools:1.0.0/pkg42").split(separator: "\n").count == 100, "names are in the manifest")
        let carol = try place.user()
        let unknown = try carol.run("cat", "acme/tools:1.0.0/pkg42/m7.py")
        #expect(unknown.status == 1 && !unknown.error.contains("is not known here"), "\(unknown.error)")
        let other = try bob.run("cat", "acme/tools:1.0.0/pkg1/m1.py")
        #expect(other.status == 1 && other.error.contains("File pkg1/m1.py of \(host)/acme/tools:1.0.0 is not here"), "\(other.error)")
        try expectClean(bob)
    }

    @Test func `100 first uses at once make one fetch`() async throws {
        try offer("tools", 300)
        let count = try place.asked().count
        let client = try Client(home: bob.home.path, environment: "localhost:\(proxy.port)", version: "test")
        let loader = Loader(local: client, remote: client)
        await withTaskGroup(of: Reply.self) { group in
            for _ in 0..<100 { group.addTask { await loader.get(Headers("/acme%2Ftools:1.0.0/pkg2/m50.py")) } }
            for await reply in group {
                guard case .stream(let stream) = reply.body else {
                    Issue.record("\(reply)")
                    continue
                }
                #expect((try? stream.open().readAll()) == Array("value = 250\n".utf8))
            }
        }
        #expect(try place.asked(since: count).count == 2)
        try expectClean(bob)
    }

    @Test func `several files come together, also of names that only rx takes`() throws {
        for name in ["tools", "Tools"] {
            try offer(name, 150)
            // Both have the same files.
            try bob.rx("cache", "clear")
            try bob.rx("gc", "--lease", "0s")
            let client = try Client(home: bob.home.path, environment: "localhost:\(proxy.port)", version: "test")
            let resource = try client.bind(Locator(parsing: "acme/\(name):1.0.0"))
            let wanted = resource.manifest.files.filter { $0.path.text.hasPrefix("pkg0/") }
            let count = try place.asked().count
            try resource.fetch(wanted)
            #expect(try place.asked(since: count) == ["POST /api/v1/blobs/fetch"], "\(name)")
            #expect(try resource.missing(resource.manifest.files).count == resource.manifest.files.count - wanted.count)
            let one = try #require(resource.manifest.files.first { $0.path.text == "pkg1/m7.py" })
            #expect(try resource.open(one).readAll() == Array("value = 107\n".utf8))
            #expect(try place.asked().count == count + 2)
        }
        try expectClean(bob)
    }

    @Test func `a pull completes what is here in part, and fetches only the rest`() throws {
        try offer("tools", 50, ["large.bin": [UInt8](repeating: 7, count: 3_000_000)])
        #expect(try bob.run("cat", "acme/tools:1.0.0/large.bin").output.count == 3_000_000)
        let usage = try bob.run("du", "--json").json()
        let share = usage["repositories"]?.array?.first
        #expect(share?["partialCopies"] == 1 && share?["unique"]?["bytes"] == 3_000_000 && usage["unnamed"]?["bytes"] == 0, "\(usage)")
        let received = proxy.received
        try bob.rx("pull", "acme/tools:1.0.0")
        #expect(proxy.received - received < 20_000, "\(proxy.received - received) bytes")
        #expect(try bob.run("list", "--json").json()["total"] == 1)
        #expect(try bob.run("du", "--json").json()["repositories"]?.array?.first?["partialCopies"] == 0)
        #expect(registry.end() == 0)
        for path in ["large.bin", "pkg0/m49.py"] {
            #expect(try bob.run("cat", "localhost:\(proxy.port)/acme/tools:1.0.0/\(path)").status == 0)
        }
        #expect(try bob.rx("cache", "clear").contains("(1)"))
        try bob.rx("gc", "--lease", "0s")
        #expect(try bob.run("du", "--json").json()["stored"]?["bytes"] == 0)
        try expectClean(bob)
    }

    @Test func `a killed program leaves nothing wrong, and the next one goes on where it was`() throws {
        let noise = (0..<(24 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        try offer("tools", 3, ["large.bin": noise])
        let slow = try CountingProxy(to: registry, bytesPerSecond: 6 << 20)
        let carol = try User(["RX_REGISTRY": "localhost:\(slow.port)"])
        let running = try carol.start("cat", "acme/tools:1.0.0/large.bin")
        let deadline = Date().addingTimeInterval(60)
        while slow.received < 8 << 20, Date() < deadline { usleep(20_000) }
        running.signal(SIGKILL)
        #expect(running.wait() == 128 + SIGKILL)
        try expectClean(carol)
        try carol.rx("gc")
        let received = slow.received
        #expect(try carol.run("cat", "acme/tools:1.0.0/large.bin").output == Data(noise))
        #expect(slow.received - received < noise.count - (4 << 20), "what came before is not fetched again")
        try carol.rx("gc", "--lease", "0s")
        #expect(try carol.run("cat", "acme/tools:1.0.0/large.bin").output == Data(noise))
        try expectClean(carol)
    }

    @Test func `processes bind, read, prune, clear, collect and pull side by side`() throws {
        try offer("tools", 120)
        let home = try place.user()
        let sweepers = try (0..<2).map { _ in
            try RunningScript(
                "for i in 1 2 3 4 5 6; do $RX gc --lease 1h; $RX cache prune --max-size 0; $RX gc; $RX cache clear; done",
                home: home.home.path, registry: "localhost:\(proxy.port)")
        }
        let puller = try RunningScript(
            "for i in 1 2 3 4 5 6; do $RX pull acme/tools:1.0.0; done", home: home.home.path, registry: "localhost:\(proxy.port)")
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            for index in 0..<8 {
                let number = (worker * 31 + index * 17) % 120
                let ended = try? home.run("cat", "acme/tools:1.0.0/pkg\(number / 100)/m\(number % 100).py")
                #expect(ended?.text == "value = \(number)\n", "\(ended?.error ?? "")")
            }
        }
        for script in sweepers + [puller] { #expect(script.wait() == 0, "\(script.error)") }
        try expectClean(home)
    }
}

/// A shell script over one home, `$RX` being the program; it ends with the first command that fails.
private final class RunningScript {
    private let process = SpawnedProcess()
    private let output = Pipe()

    init(_ script: String, home: String, registry: String) throws {
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-ec", script]
        process.environment = ["RX": rxBinary, "RX_HOME": home, "RX_REGISTRY": registry, "PATH": "/usr/bin:/bin"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = output
        try process.run()
    }

    lazy var error = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)

    func wait() -> Int32 {
        _ = error
        process.waitUntilExit()
        return process.terminationStatus
    }
}
