import Foundation
import RxPosix
import RxTesting
import Testing

/// Transfers that are killed go on where they were: bytes are counted by a proxy between client and registry.
@Suite struct KilledTransferTests {
    static let size = 40 << 20

    let work: TemporaryFolder
    let place: ProxiedRegistry
    var registry: RegistryProcess { place.registry }
    var proxy: CountingProxy { place.proxy }
    let alice: User
    let bob: User

    init() throws {
        work = try TemporaryFolder()
        place = try ProxiedRegistry()
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
            // No more passes before it is killed, however late that is.
            proxy.hold(at: before + step)
            let program = try user.start(arguments[0], arguments[1], arguments[2])
            while program.isRunning, moved() - before < step { usleep(2000) }
            guard program.isRunning else {
                proxy.hold(at: .max)
                #expect(program.wait() == 0, "\(program.error)")
                return kills
            }
            program.signal(SIGKILL)
            #expect(program.wait() == 128 + SIGKILL)
            proxy.hold(at: .max)
            kills += 1
        }
        proxy.slow(to: 0)
        let last = try user.run(arguments[0], arguments[1], arguments[2])
        #expect(last.status == 0, "\(last.error)")
        return kills
    }

    @Test func `a push that is killed again and again sends nothing twice that the registry has`() throws {
        let start = Clock.monotonic
        let kills = try kill(alice, ["copy", "big:1", remote], every: 9_000_000) { proxy.sent }
        #expect(kills >= 3)
        // It would wait 60 s for each of them.
        #expect(Clock.monotonic - start < kills * 50_000_000_000, "the registry notices at once that the client is gone")
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
        proxy.reset()
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
        proxy.reset()
        proxy.slow(to: 20 << 20)
        proxy.hold(at: 9_000_000)
        let before = proxy.received
        let program = try bob.start("copy", remote, "big:1")
        while program.isRunning, proxy.received - before < 9_000_000 { usleep(2000) }
        program.signal(SIGKILL)
        _ = program.wait()
        proxy.slow(to: 0)
        proxy.hold(at: .max)
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
        // Forty seconds for all of it.
        proxy.slow(to: 1 << 20)
        for (signal, words) in [(SIGINT, "interrupted"), (SIGTERM, "told to end")] {
            let before = proxy.received
            let program = try bob.start("copy", remote, "big:1")
            while program.isRunning, proxy.received - before < 1_000_000 { usleep(2000) }
            let start = Clock.monotonic
            program.signal(signal)
            #expect(program.wait() == 128 + signal)
            #expect(Clock.monotonic - start < 20_000_000_000)
            #expect(program.error.hasPrefix("error: \(words)\n"), "\(program.error)")
        }
        proxy.slow(to: 0)
        #expect(try bob.rx("list") == "No resources found\n")
        try bob.rx("copy", remote, "big:1")
    }
}
