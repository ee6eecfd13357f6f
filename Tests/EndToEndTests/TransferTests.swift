import Foundation
import RxModel
import RxTesting
import Testing

/// What pushes and pulls cost between real processes: requests by the registry's log, bytes by a proxy. Source: Specs/12-transfer, "Client".
@Suite struct `Transfers between processes` {
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

    @Test func `a small resource costs one request to push, none more to push again, and two to pull`() throws {
        try work.write("hello/resource.json", #"{"name":"hello","path":"team","type":"text","tag":"1"}"#)
        for index in 0..<20 { try work.write("hello/part\(index)", "content \(index)") }
        try alice.rx("add", "./hello", in: work.path)
        try alice.rx("push", "team/hello:1")
        #expect(try place.asked() == ["POST /api/v1/blobs"])
        try alice.rx("push", "team/hello:1")
        #expect(try place.asked(since: 1) == ["POST /api/v1/blobs"])
        try bob.rx("pull", "team/hello:1")
        #expect(try place.asked(since: 2, 2) == ["GET /api/v1/resource/team%2Fhello%3A1", "POST /api/v1/blobs/fetch"])
        let before = proxy.received
        try bob.rx("pull", "team/hello:1")
        #expect(try place.asked(since: 4) == ["GET /api/v1/resource/team%2Fhello%3A1"] && proxy.received - before < 1000, "not modified")
        try bob.rx("export", "localhost:\(proxy.port)/team/hello:1", "\(work.path)/out")
        for index in 0..<20 { #expect(try String(contentsOfFile: "\(work.path)/out/part\(index)", encoding: .utf8) == "content \(index)") }
    }

    @Test func `one changed file of many costs two requests, its bytes and the manifest's`() throws {
        try work.write("many/resource.json", #"{"name":"many","type":"data","tag":"1"}"#)
        var random = SystemRandomNumberGenerator()
        func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
        for folder in 0..<100 {
            for index in 0..<100 { try work.write("many/f\(folder)/\(index)", noise(400)) }
        }
        try alice.rx("add", "./many", in: work.path)
        try alice.rx("push", "many:1")
        let first = try place.asked(since: 0, 2)
        let cold = first.count
        #expect(cold == 2, "\(first)")
        try bob.rx("pull", "many:1")
        #expect(try place.asked(since: 0, cold + 2).count == cold + 2)
        try work.write("many/f7/7", noise(5000))
        try work.write("many/resource.json", #"{"name":"many","type":"data","tag":"2"}"#)
        try alice.rx("add", "./many", in: work.path)
        let (sent, count) = (proxy.sent, try place.asked().count)
        try alice.rx("push", "many:2")
        #expect(try place.asked(since: count, 2) == ["POST /api/v1/blobs", "POST /api/v1/blobs"])
        // A line of a manifest has 32 bytes of digest that do not compress, and little else.
        #expect(proxy.sent - sent < 10_000 * 56 + 5000 + 2000, "\(proxy.sent - sent) bytes")
        let (received, asked) = (proxy.received, try place.asked().count)
        try bob.rx("pull", "many:2")
        #expect(try place.asked(since: 0, asked + 2).count == asked + 2)
        #expect(proxy.received - received < 10_000 * 56 + 5000 + 2000, "\(proxy.received - received) bytes")
        let mine = try alice.run("info", "many:2", "--json").json()
        let copy = try bob.run("info", "localhost:\(proxy.port)/many:2", "--json").json()
        #expect(mine["digest"] == copy["digest"] && mine["digest"] != nil)
    }

    @Test func `large files travel alone, beside streams of the others`() throws {
        try work.write("mixed/resource.json", #"{"name":"mixed","type":"data","tag":"1"}"#)
        for index in 0..<3 { try work.write("mixed/large\(index)", [UInt8](repeating: UInt8(index), count: 9 << 20)) }
        for index in 0..<40 { try work.write("mixed/small\(index)", Array("\(index)".utf8) + [UInt8](repeating: 7, count: 500_000)) }
        try alice.rx("add", "./mixed", in: work.path)
        try alice.rx("push", "mixed:1")
        let pushed = try place.asked(since: 0, 7)
        #expect(pushed.count { $0 == "POST /api/v1/blobs" } == 4, "the question, two streams, the commit: \(pushed)")
        #expect(pushed.count { $0.hasPrefix("PUT /v2/mixed/blobs/uploads/") } == 3, "\(pushed)")
        let (sent, count) = (proxy.sent, pushed.count)
        try alice.rx("push", "mixed:1")
        #expect(try place.asked(since: 0, count + 1).count == count + 1 && proxy.sent - sent < 1000)
        try bob.rx("pull", "mixed:1")
        let pulled = try place.asked(since: count + 1, 6)
        #expect(
            pulled.count { $0 == "POST /api/v1/blobs/fetch" } == 2 && pulled.count { $0.hasPrefix("GET /v2/mixed/blobs/") } == 3,
            "\(pulled)")
        try bob.rx("export", "localhost:\(proxy.port)/mixed:1", "\(work.path)/out")
        for index in 0..<3 {
            #expect(
                FileManager.default.contentsEqual(atPath: "\(work.path)/out/large\(index)", andPath: "\(work.path)/mixed/large\(index)"))
        }
    }

    @Test func `a copy from one registry to another asks once and sends one stream`() throws {
        try work.write("hello/resource.json", #"{"name":"hello","path":"team","type":"text","tag":"1"}"#)
        for index in 0..<30 { try work.write("hello/part\(index)", "content \(index)") }
        try alice.rx("add", "./hello", in: work.path)
        try alice.rx("push", "team/hello:1")
        let other = try RegistryProcess()
        // What the registries have is known from an earlier use of them.
        try alice.rx("push", "team/hello:1", "--registry", other.url)
        try work.write("hello/part0", "changed")
        for index in 30..<60 { try work.write("hello/part\(index)", "more \(index)") }
        try alice.rx("add", "./hello", in: work.path)
        try alice.rx("push", "team/hello:1")
        try alice.rx("copy", "localhost:\(proxy.port)/team/hello:1", "\(other.host)/team/hello:2")
        let log = try other.requestLines(3).map(\.text).joined(separator: "\n")
        #expect(log.contains("/api/v1/blobs/missing") && log.contains("/api/v1/blobs?repository=team"), "\(log)")
        #expect(!log.contains("/blobs/uploads/") && !log.contains("HEAD\",\"path\":\"/v2/team/hello/blobs"), "\(log)")
        let one = try alice.run("info", "localhost:\(proxy.port)/team/hello:1", "--json").json()["manifestDigest"]
        #expect(try alice.run("info", "\(other.host)/team/hello:2", "--json").json()["manifestDigest"] == one && one != nil)
    }
}
