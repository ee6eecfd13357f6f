import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

@Suite struct `A loader that is shared` {
    let bench: RunBench
    var socket: String { "\(bench.user.home.path)/loader.sock" }

    init() throws { bench = try RunBench() }

    private func start(_ arguments: String...) throws -> RunningProgram {
        let loader = try bench.user.start(["loader"] + arguments)
        let end = Date().addingTimeInterval(20)
        while Date() < end, try ask("/v1/routes") == nil { usleep(20_000) }
        return loader
    }

    private func ask(_ path: String) throws -> String? {
        let ended = try RxTesting.run("/usr/bin/curl", ["-sS", "--max-time", "20", "--unix-socket", socket, "http://rx\(path)"])
        return ended.status == 0 ? ended.text : nil
    }

    @Test func `answers its user at a socket, within its policy, and rx run within that of the run`() throws {
        let loader = try start("--allow", "acme_*")
        let mode = try #require(try Files.status(socket)).st_mode & 0o777
        #expect(mode == 0o600)
        #expect(try ask("/v1/modules/python/acme_tools")?.contains(#""name":"acme_tools""#) == true)
        #expect(try ask("/v1/modules/python/other")?.contains("MODULE_REFUSED") == true)
        let run = try bench.run([], "status v1/modules/python/acme_tools")
        #expect(run.text == "403\n", "the run allows nothing")
        let second = try bench.run(["--allow", "acme_*", "--record"], "status v1/modules/python/acme_tools; ask v1/modules; exit 3")
        #expect(second.status == 3 && second.text.hasPrefix("200\npython\tacme_tools\t"), "\(second.text)\(second.error)")
        #expect(FileManager.default.fileExists(atPath: "\(bench.work.path)/rx.lock"), "recorded through the loader")
        let routes = try bench.user.run("routes", "--json").json()
        #expect(routes["loader"]?.bool == true)
        #expect(routes["routes"]?.array?.map { $0["name"]?.string } == ["acme_tools"])
        loader.signal(SIGTERM)
        #expect(loader.wait() == 0)
        #expect(!FileManager.default.fileExists(atPath: socket))
        #expect(try bench.user.run("routes", "--json").json()["loader"]?.bool == false)
        #expect(try bench.user.rx("routes").contains("python:acme_tools"), "the record stays")
    }

    @Test func `is one, and takes the place of one that was killed`() throws {
        let first = try start()
        let second = try bench.user.run("loader")
        #expect(second.status == 1 && second.error.hasPrefix("error: another process listens at \(socket)\n"), "\(second.error)")
        first.signal(SIGKILL)
        #expect(first.wait() == 137)
        #expect(FileManager.default.fileExists(atPath: socket))
        #expect(try bench.run(["--allow", "*"], "status v1/modules/python/acme_tools").text == "200\n", "rx run does without")
        let third = try start()
        #expect(try ask("/v1/routes") != nil)
        third.signal(SIGINT)
        #expect(third.wait() == 0)
        let long = try bench.user.run("loader", "--socket", "\(bench.work.path)/\(String(repeating: "a", count: 120))")
        #expect(long.status == 1 && long.error.contains("at most 107 bytes"), "\(long.error)")
    }

    @Test func `is not used by a run with another registry`() throws {
        let loader = try start()
        let down = try bench.run(
            ["--allow", "*"], "status v1/modules/python/acme_tools", environment: ["RX_REGISTRY": "http://127.0.0.1:1"])
        #expect(down.text == "502\n", "its own registry is asked: \(down.text)")
        #expect(try ask("/v1/routes") == #"{"routes":[]}"#)
        loader.signal(SIGTERM)
        #expect(loader.wait() == 0)
    }

    @Test func `is not used by a run that it cannot stand in for`() throws {
        let offline = try start("--offline")
        #expect(try bench.run(["--allow", "*"], "status v1/modules/python/acme_tools").text == "200\n", "this run is not offline")
        #expect(try ask("/v1/routes") == #"{"routes":[]}"#)
        offline.signal(SIGTERM)
        #expect(offline.wait() == 0)
        let loader = try start()
        try bench.user.rx("config", "set", "registry", "http://127.0.0.1:1")
        #expect(try bench.run(["--allow", "*"], "status v1/modules/python/acme_tools").text == "200\n")
        #expect(try ask("/v1/routes") == #"{"routes":[]}"#, "its configuration is the old one")
        loader.signal(SIGTERM)
        #expect(loader.wait() == 0)
    }

    @Test func `that dies costs a program its modules and not its life`() throws {
        let loader = try start()
        let ended = try bench.run(
            ["--allow", "*"],
            "status v1/modules/python/acme_tools; kill -9 $LOADER; sleep 0.2; curl -s $RX_LOADER/v1/modules; echo $?; exit 5",
            environment: ["LOADER": "\(loader.id)"])
        #expect(ended.text == "200\n7\n")
        #expect(ended.status == 5)
    }

    @Test func `forgets the sessions of programs that are gone`() throws {
        let loader = try start()
        let mark = "\(bench.work.path)/url"
        let program = try bench.user.start(
            "run", "--", "/bin/bash", "-c", "echo $RX_LOADER > \(mark).new; mv \(mark).new \(mark); sleep 60")
        let end = Date().addingTimeInterval(20)
        while Date() < end, !FileManager.default.fileExists(atPath: mark) { usleep(20_000) }
        let url = try String(contentsOfFile: mark, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try curl("\(url)/v1/modules").status == 200)
        program.signal(SIGKILL)
        _ = program.wait()
        var status = 200
        while Date() < end, status == 200 {
            status = try curl("\(url)/v1/modules").status
            usleep(200_000)
        }
        #expect(status == 404)
        loader.signal(SIGTERM)
        #expect(loader.wait() == 0)
    }
}
