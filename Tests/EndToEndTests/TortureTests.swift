import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

/// Torture, as far as it fits into a test; `make torture` goes on for longer. Source: Specs/14-torture.
@Suite(.serialized) struct TortureTests {
    private static var library: String { URL(fileURLWithPath: rxBinary).deletingLastPathComponent().path + "/libRxFaults.so" }

    private let work: TemporaryFolder

    init() throws { work = try TemporaryFolder() }

    private func torture(_ words: String...) throws -> Ended {
        try run(rxBinary, ["torture", "--folder", FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : work.path] + words)
    }

    @Test func `rounds lose nothing and read nothing wrong`() throws {
        let ended = try torture("--rounds", "30", "--json")
        #expect(ended.status == 0, "\(ended.error)")
        let report = try ended.json()
        #expect(report["rounds"]?.int == 30)
        // A run in which nothing was put or nothing went wrong would show nothing.
        #expect(try #require(report["puts"]?.int) > 100)
        #expect(try #require(report["reads"]?.int) > 200)
        #expect(report["missed"]?.array?.count ?? .max < 6)
        let struck = report["points"]?.object?.values.compactMap { $0["struck"]?.int }.reduce(0, +) ?? 0
        #expect(struck > 30)
    }

    @Test(arguments: [
        ["--library", "/etc/hostname"], ["--program", "/bin/ls"], ["--program", "/bin/false"], ["--program", "/bin/true"],
        ["--library", "/no/such.so"], ["--only", "abc"], ["--only", ""], ["--only", "0,99999"],
    ])
    func `a run that would show nothing fails`(_ words: [String]) throws {
        let ended = try run(rxBinary, ["torture", "--folder", work.path, "--rounds", "1"] + words)
        #expect(ended.status != 0 && !ended.error.isEmpty, "\(ended.text)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path).isEmpty)
    }

    @Test func `names are those that processes see`() throws {
        // Both relative, and the folder by a link.
        try FileManager.default.createDirectory(atPath: "\(work.path)/real", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: "\(work.path)/linked", withDestinationPath: "real")
        try FileManager.default.copyItem(atPath: TortureTests.library, toPath: "\(work.path)/libRxFaults.so")
        let ended = try run(
            rxBinary, ["torture", "--folder", "linked", "--library", "libRxFaults.so", "--rounds", "6", "--json"], in: work.path)
        #expect(ended.status == 0, "\(ended.error)")
        let points = try #require(try ended.json()["points"]?.object)
        #expect(try #require(points["rename.blobs"]?["passed"]?.int) > 0)
    }

    @Test func `syncs that lie are found out, and the shortest history says how`() throws {
        let ended = try torture("--lies", "--rounds", "60", "--seconds", "10", "--jobs", "4")
        #expect(ended.status == 1)
        #expect(ended.error.contains("rounds break a rule"))
        let again = try #require(ended.error.firstMatch(of: /again: rx torture --seed (\d+) --rounds 1 --only ([\d,]+)\n/))
        let whole = try #require(ended.error.firstMatch(of: /what was done \((\d+) of (\d+) elements\)/))
        #expect(try #require(Int(whole.1)) < (try #require(Int(whole.2))))
        // The elements that are left fail again by themselves: a put and the power are enough. Not each time, as threads come differently.
        let replays = try (0..<5).map { _ in
            try torture("--lies", "--seed", String(again.1), "--rounds", "1", "--only", String(again.2)).status
        }
        #expect(replays.contains(1))
    }

    /// The processes that were told of this test's folder.
    private func processes() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            guard Int(name) != nil, let told = FileManager.default.contents(atPath: "/proc/\(name)/environ") else { return false }
            return told.range(of: Data(work.path.utf8)) != nil
        }
    }

    private func wait(until isTrue: () throws -> Bool) throws -> Bool {
        for _ in 0..<1000 {
            if try isTrue() { return true }
            usleep(20_000)
        }
        return false
    }

    @Test func `a run that is ended or killed leaves no process, and its folder to the next one at most`() throws {
        func runs() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/runs") }
        let user = try User()
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGKILL] {
            let program = try user.start("torture", "--folder", "\(work.path)/runs", "--rounds", "100000", "--jobs", "2")
            #expect(try wait { try processes().count >= 2 })
            program.signal(signal)
            #expect(program.wait() == 128 + signal)
            #expect(try wait { try processes().isEmpty })
            #expect(try runs().count == (signal == SIGKILL ? 1 : 0))
        }
        #expect(try run(rxBinary, ["torture", "--folder", "\(work.path)/runs", "--rounds", "1"]).status == 0)
        #expect(try runs() == [])
    }

    @Test func `the library in front of a program fails and kills where it is told to`() throws {
        try work.write("source/resource.json", #"{"name":"a","type":"data","tag":"1"}"#)
        try work.write("source/content", "hello")
        func add(_ rule: String, clock: Int = 0) throws -> Ended {
            try run(
                rxBinary, ["add", "\(work.path)/source", "--json"],
                environment: [
                    "RX_HOME": "\(work.path)/store1", "LD_PRELOAD": TortureTests.library,
                    "RX_FAULTS": "root=\(work.path),clock=\(clock),at=\(rule)",
                ])
        }
        let failed = try add("sync:staging:before:1:1:5")
        #expect(failed.status == 1)
        #expect(failed.error.contains("Input/output error"))
        let full = try add("write:log:before:1:0:28")
        #expect(full.status == 1)
        #expect(full.error.contains("STORAGE_FULL"), "\(full.error)")
        let half = try add("write:staging:before:1:0:cut")
        #expect(half.status == 1)
        #expect(half.error.contains("No space left on device"), "\(half.error)")
        for rule in ["rename:blobs:before:1:1:kill", "rename:blobs:after:1:1:kill", "write:log:before:2:1:tear"] {
            #expect(try add(rule).status == 128 + SIGKILL, "\(rule)")
        }
        // A point that is not passed so often changes nothing; the clock is the plan's.
        let later = try add("rename:blobs:before:1000:1:kill", clock: 400 * 86400)
        #expect(later.status == 0, "\(later.error)")
        let year = Calendar(identifier: .gregorian).component(.year, from: Date(timeIntervalSinceNow: 400 * 86400))
        #expect(try #require(later.json()["updatedAt"]?.string).hasPrefix("\(year)-"))
    }
}
