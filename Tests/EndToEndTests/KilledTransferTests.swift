import Foundation
import RxTesting
import Testing

/// Transfers that are killed go on where they were: bytes are counted by a proxy between client and registry.
@Suite struct KilledTransferTests {
    static let size = 40 << 20

    let work: TemporaryFolder
    let registry: RegistryProcess
    let proxy: CountingProxy
    let alice: User
    let bob: User

    init() throws {
        work = try TemporaryFolder()
        registry = try RegistryProcess()
        proxy = CountingProxy(to: try #require(Int(registry.host.split(separator: ":")[1])))
        alice = try User()
        bob = try User()
        var random = SystemRandomNumberGenerator()
        var bytes = Data(count: KilledTransferTests.size)
        bytes.withUnsafeMutableBytes { raw in
            for index in raw.bindMemory(to: UInt64.self).indices { raw.bindMemory(to: UInt64.self)[index] = random.next() }
        }
        try work.write("big/resource.json", #"{"name":"big","type":"text","tag":"1"}"#)
        try work.write("big/content", bytes)
        for index in 0..<20 { try work.write("big/part\(index)", bytes[(index * 1000)..<(index * 1000 + 300_000)]) }
        try alice.rx("add", "./big", in: work.path)
    }

    var remote: String { "localhost:\(proxy.port)/team/big:1" }
    /// The content's length: one long file and twenty short ones.
    var length: Int { KilledTransferTests.size + 20 * 300_000 }

    /// Runs a command of `user` and kills it each time that `moved` has grown by `step`, then lets it end; gives how often it was killed.
    func kill(_ user: User, _ arguments: [String], every step: Int, _ moved: () -> Int) throws -> Int {
        var kills = 0
        proxy.slow(to: 20 << 20)
        while kills < 8 {
            let before = moved()
            let program = try user.start(arguments[0], arguments[1], arguments[2])
            while program.isRunning, moved() - before < step { usleep(2000) }
            guard program.isRunning else {
                #expect(program.wait() == 0, "\(program.error)")
                return kills
            }
            program.signal(SIGKILL)
            #expect(program.wait() == 128 + SIGKILL)
            kills += 1
        }
        proxy.slow(to: 0)
        let last = try user.run(arguments[0], arguments[1], arguments[2])
        #expect(last.status == 0, "\(last.error)")
        return kills
    }

    @Test func `a push that is killed again and again sends nothing twice that the registry has`() throws {
        let kills = try kill(alice, ["copy", "big:1", remote], every: 9_000_000) { proxy.sent }
        #expect(kills >= 3)
        // What was on its way when the client died may have to be sent again: what the sockets and the proxy held.
        #expect(proxy.sent - length < kills * (4 << 20), "\(proxy.sent - length) bytes more than there are, with \(kills) kills")
        try bob.rx("copy", remote, "big:1")
        try bob.rx("export", "big:1", "\(work.path)/out")
        #expect(try run("/usr/bin/diff", ["-r", "-x", "resource.json", "\(work.path)/big", "\(work.path)/out"]).status == 0)
        let notes = (try? FileManager.default.contentsOfDirectory(atPath: "\(alice.home.path)/cache/uploads")) ?? []
        #expect(notes.isEmpty, "a place that is no longer needed is forgotten: \(notes)")
    }

    @Test func `a pull that is killed again and again fetches nothing twice that came`() throws {
        try alice.rx("copy", "big:1", remote)
        let before = proxy.received
        let kills = try kill(bob, ["copy", remote, "big:1"], every: 9_000_000) { proxy.received }
        #expect(kills >= 3)
        let more = proxy.received - before - length
        #expect(more < kills * (4 << 20), "\(more) bytes more than there are, with \(kills) kills")
        try bob.rx("export", "big:1", "\(work.path)/out")
        #expect(try run("/usr/bin/diff", ["-r", "-x", "resource.json", "\(work.path)/big", "\(work.path)/out"]).status == 0)
        let partial = (try? FileManager.default.contentsOfDirectory(atPath: "\(bob.home.path)/cache/partial")) ?? []
        #expect(partial.isEmpty, "\(partial)")
    }

    @Test func `a partial file that is damaged is thrown away and the blob fetched once more`() throws {
        try alice.rx("copy", "big:1", remote)
        proxy.slow(to: 20 << 20)
        let before = proxy.received
        let program = try bob.start("copy", remote, "big:1")
        while program.isRunning, proxy.received - before < 9_000_000 { usleep(2000) }
        program.signal(SIGKILL)
        _ = program.wait()
        proxy.slow(to: 0)
        let folder = "\(bob.home.path)/cache/partial"
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(folder)/\(name)"))
        try file.write(contentsOf: Data(repeating: 0, count: 4096))
        try file.close()
        try bob.rx("copy", remote, "big:1")
        #expect(proxy.received - before > length + 4_000_000, "what was damaged came again")
        try bob.rx("export", "big:1", "\(work.path)/out")
        #expect(try difference("\(work.path)/big/content", "\(work.path)/out/content") == "")
    }

    @Test func `a connection that breaks is made again, and what it brought counts`() throws {
        try alice.rx("copy", "big:1", remote)
        proxy.slow(to: 20 << 20)
        let before = proxy.received
        let program = try bob.start("copy", remote, "big:1")
        for round in 1...3 {
            while program.isRunning, proxy.received - before < round * 9_000_000 { usleep(2000) }
            proxy.breakAll()
        }
        proxy.slow(to: 0)
        #expect(program.wait() == 0, "\(program.error)")
        #expect(proxy.received - before < length + (12 << 20))
    }

    @Test func `a command that is interrupted ends at once with the signal's status and goes on later`() throws {
        try alice.rx("copy", "big:1", remote)
        proxy.slow(to: 4 << 20)
        for (signal, words) in [(SIGINT, "interrupted"), (SIGTERM, "told to end")] {
            let before = proxy.received
            let program = try bob.start("copy", remote, "big:1")
            while program.isRunning, proxy.received - before < 1_000_000 { usleep(2000) }
            let start = Date()
            program.signal(signal)
            #expect(program.wait() == 128 + signal)
            #expect(Date().timeIntervalSince(start) < 2)
            #expect(program.error.hasPrefix("error: \(words)\n"), "\(program.error)")
        }
        proxy.slow(to: 0)
        #expect(try bob.rx("list") == "No resources found\n")
        try bob.rx("copy", remote, "big:1")
    }
}
