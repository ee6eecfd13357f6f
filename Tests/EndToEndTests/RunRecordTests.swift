import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

@Suite struct `What a program used` {
    let bench: RunBench
    var lock: String { "\(bench.work.path)/rx.lock" }

    init() throws {
        bench = try RunBench()
        try bench.put("plain", "2", "", ["plain.py": "P = 2\n"])
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func `is recorded whatever its status, and the lock is enough from then on`() throws {
        let recorded = try bench.run(
            ["--allow", "acme_*", "--record"], "D=$(digest acme_tools); ask v1/files/$D/data/a.txt >/dev/null; kill -9 $$")
        #expect(recorded.status == 137)
        #expect(recorded.error == "rx: rx.lock has 1 new resource\n")
        let first = try text(lock)
        #expect(first.contains(#""locator": "acme/tools:1.0.0""#) && first.contains("acme_tools"))
        #expect(!first.contains("127.0.0.1"), "no host")
        #expect(try text("\(bench.work.path)/rx.trace").contains(#""data/a.txt""#))

        let other = try User(["RX_REGISTRY": bench.registry.url])
        let locked = try bench.run([], "status v1/modules/python/acme_tools; status v1/modules/python/plain", other)
        #expect(locked.text == "200\n403\n", "\(locked.error)")
        let more = try bench.run(["--allow", "plain", "--record"], "status v1/modules/python/plain; status v1/modules/python/acme_tools")
        #expect(more.text == "200\n200\n")
        #expect(try text(lock).contains(#""locator": "plain:2""#) && text(lock).contains("acme/tools:1.0.0"))
        #expect(try text("\(bench.work.path)/rx.trace").contains("data/a.txt"), "what was recorded before stays")
        let again = try bench.run(["--allow", "*", "--record"], "status v1/modules/python/plain")
        #expect(again.error == "", "the same again writes nothing")
    }

    @Test func `is told when it cannot be recorded`() throws {
        let ended = try bench.run(["--allow", "*", "--record", "--lock", "/nowhere/rx.lock"], "status v1/modules/python/plain; exit 0")
        #expect(ended.status == 1)
        #expect(ended.error.hasPrefix("error: what was used is not recorded: "), "\(ended.error)")
        let failing = try bench.run(["--allow", "*", "--record", "--lock", "/nowhere/rx.lock"], "status v1/modules/python/plain; exit 6")
        #expect(failing.status == 6, "the program's own status rules")
    }

    @Test func `is nothing: no lock is made, what is there stays, and that is told`() throws {
        let told = "rx: nothing is recorded: the program got nothing of a resource\n"
        let first = try bench.run(["--allow", "acme_*", "--record"], "status v1/modules/python/other; exit 3")
        #expect(first.status == 3 && first.error == told, "\(first.error)")
        let made = try FileManager.default.contentsOfDirectory(atPath: bench.work.path).filter { $0.hasPrefix("rx.") }
        #expect(made.isEmpty, "\(made)")
        #expect(try bench.run(["--record", "--lock", "/nowhere/rx.lock"], "exit 0").status == 0, "there is nothing to write")
        let written = #"{"version":1,"resources":[]}"#
        try bench.work.write("rx.lock", written)
        #expect(try bench.run(["--record"], "exit 0").error == told)
        #expect(try text(lock) == written)
    }

    @Test func `under several tags is recorded under each, and the lock gives all of it again`() throws {
        try bench.put("acme/data", "1.2.0", "", ["x": "words\n"])
        let host = bench.registry.host
        try bench.user.rx("tag", "\(host)/acme/data:1.2.0", "stable")
        let script =
            ["stable", "1.2.0"].map { "curl -sSL --fail $RX_LOADER/r/acme/data:\($0)/x;" }.joined()
            + "curl -sSL --fail $RX_LOADER/r/acme/data/x"
        let recorded = try bench.run(["--allow", "acme/data", "--record"], script)
        #expect(recorded.text == "words\nwords\nwords\n" && recorded.status == 0, "\(recorded.error)")
        let locators = try JSON(parsing: Array(text(lock).utf8))["resources"]?.array?.compactMap { $0["locator"]?.string }
        #expect(locators == ["acme/data:1.2.0", "acme/data:latest", "acme/data:stable"])
        let other = try User(["RX_REGISTRY": bench.registry.url])
        #expect(try bench.run([], script, other).text == recorded.text)
        #expect(try bench.run(["--record"], script, other).error == "", "it has all of it already")
        let frozen = try other.run("freeze", in: bench.work.path)
        #expect(frozen.status == 0, "\(frozen.text)")
        #expect(try bench.run([], "status r/acme/data:2/x", other).text == "403\n")
    }

    @Test func `of a resource that was only looked at is no file, and freezing fetches none`() throws {
        let recorded = try bench.run(["--allow", "acme_*", "--record"], "status v1/modules/python/acme_tools")
        #expect(recorded.text == "200\n")
        let other = try User(["RX_REGISTRY": bench.registry.url])
        let frozen = try RxTesting.run(
            rxBinary, ["freeze"], in: bench.work.path, environment: ["RX_HOME": other.home.path, "RX_REGISTRY": bench.registry.url])
        #expect(frozen.text.hasPrefix("Frozen: 1 of 1 resource, 0 files"), "\(frozen.text)\(frozen.error)")
        #expect(try bench.run(["--offline"], "status v1/modules/python/acme_tools", other).text == "200\n")
    }

    @Test func `is recorded by many at once without a loss`() throws {
        for index in 0..<6 { try bench.put("many\(index)", "1", "", ["many\(index).py": "\(index)"]) }
        let script = """
            for i in 0 1 2 3 4 5; do
              "$RX" run --allow "many$i" --record -- /bin/bash -c 'curl -sS -o /dev/null "$RX_LOADER/v1/modules/python/many'$i'"' &
            done; wait
            """
        _ = try RxTesting.run(
            "/bin/bash", ["-c", script], in: bench.work.path,
            environment: ["RX": rxBinary, "RX_HOME": bench.user.home.path, "RX_REGISTRY": bench.registry.url])
        let json = try JSON(parsing: Array(text(lock).utf8))
        #expect(json["resources"]?.array?.compactMap { $0["locator"]?.string } == (0..<6).map { "many\($0):1" })
    }

    @Test func `is all that a frozen lock needs, without a network`() throws {
        _ = try bench.run(
            ["--allow", "*", "--record"],
            "D=$(digest acme_tools); ask v1/files/$D/data/a.txt >/dev/null; D=$(digest plain); ask v1/files/$D/plain.py >/dev/null")
        let other = try User(["RX_REGISTRY": bench.registry.url])
        let proof = try other.run("freeze", "--offline", in: bench.work.path)
        #expect(proof.status == 1)
        #expect(proof.text.contains("acme/tools:1.0.0: ") && proof.text.contains("Not frozen: 0 of 2 resources"), "\(proof.text)")
        let frozen = try other.run("freeze", in: bench.work.path)
        #expect(frozen.status == 0 && frozen.text.hasPrefix("Frozen: 2 of 2 resources, 2 files"), "\(frozen.text)\(frozen.error)")
        let before = bench.registry.errors
        #expect(try other.run("freeze", "--offline", in: bench.work.path).status == 0)
        #expect(try other.run("freeze", "--offline", "--all", in: bench.work.path).status == 1, "the trace does not have all files")
        #expect(before == bench.registry.errors, "nobody is asked")
        #expect(bench.registry.end() == 0)
        let ended = try bench.run(
            ["--offline"],
            """
            D=$(digest acme_tools); ask v1/files/$D/data/a.txt >/dev/null; status v1/files/$D/data/b.txt
            D=$(digest plain); ask v1/files/$D/plain.py >/dev/null; curl -sSL $RX_LOADER/r/acme/tools/data/a.txt
            """, other)
        #expect(ended.text == "502\na", "\(ended.text)\(ended.error)")
        #expect(try other.run("freeze", "--json", "--offline", in: bench.work.path).json()["resources"]?.int == 2)
    }

    @Test func `is told by name when it is damaged`() throws {
        _ = try bench.run(["--allow", "plain", "--record"], "D=$(digest plain); ask v1/files/$D/plain.py >/dev/null")
        let blobs = try RxTesting.run("/usr/bin/find", ["\(bench.user.home.path)/blobs", "-type", "f", "-size", "6c"]).text
        let blob = try #require(blobs.split(separator: "\n").first.map(String.init))
        try FileManager.default.removeItem(atPath: blob)
        try Data("P = 3\n".utf8).write(to: URL(fileURLWithPath: blob))
        let ended = try bench.user.run("freeze", "--offline", in: bench.work.path)
        #expect(ended.status == 1 && ended.text.contains("plain:2: "), "\(ended.text)")
    }

    @Test func `needs a lock that can be read`() throws {
        #expect(try bench.user.run("freeze", in: bench.work.path).error.hasPrefix("error: there is no lock rx.lock\n"))
        #expect(
            try bench.user.run("run", "--lock", "none.lock", "--", "true", in: bench.work.path).error.contains("there is no lock none.lock")
        )
        try bench.work.write("rx.lock", #"{"version": 7}"#)
        for command in [["run", "--", "true"], ["freeze"]] {
            let ended = try RxTesting.run(
                rxBinary, command, in: bench.work.path, environment: ["RX_HOME": bench.user.home.path])
            #expect(ended.status == 1)
            #expect(ended.error.hasPrefix("error: rx.lock: the lock has version 7, and this rx reads version 1\n"), "\(ended.error)")
        }
    }

    @Test func `follows the home's own store at once, and a registry after some time`() throws {
        let first = try bench.run(["--allow", "plain"], "digest plain; echo; D=$(digest plain); ask v1/files/$D/plain.py >/dev/null")
        try bench.put("plain", "3", "", ["plain.py": "P = 3\n"])
        let second = try bench.run(["--allow", "plain"], "ask v1/modules; digest plain; echo")
        #expect(second.text.contains(first.text.trimmingCharacters(in: .whitespacesAndNewlines)), "known from the last run")
        try bench.work.write("own/resource.json", #"{"name":"plain","type":"module","tag":"4"}"#)
        try bench.work.write("own/plain.py", "P = 4\n")
        try bench.user.rx("add", "./own", in: bench.work.path)
        let third = try bench.run(["--allow", "plain"], "D=$(digest plain); curl -sSL $RX_LOADER/r/plain/plain.py")
        #expect(third.text == "P = 4\n", "\(third.error)")
        #expect(try bench.user.rx("routes").contains("python:plain"))
        try bench.user.rx("cache", "clear")
        let views = try FileManager.default.contentsOfDirectory(atPath: "\(bench.user.home.path)/cache/views")
        #expect(views.allSatisfy { $0.hasPrefix(".") }, "\(views)")
        #expect(try bench.run(["--allow", "plain"], "curl -sSL $RX_LOADER/r/plain/plain.py").text == "P = 4\n")
    }
}
