import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

/// What a program sees of a registry that is down, slow, lying or comes and goes, and of a disk that is full.
@Suite struct `A program whose registry is in trouble` {
    let bench: RunBench
    var proxy: CountingProxy { bench.place.proxy }

    init() throws {
        bench = try RunBench(byProxy: true)
        try bench.put("plain", "1", "", ["plain.py": "VALUE = 'true'\n", "data.txt": "honest\n"])
    }

    /// Files in a home that hold some text.
    private func kept(_ text: String, of user: User) throws -> String {
        try RxTesting.run("/usr/bin/grep", ["-rlaF", "--", text, user.home.path]).text
    }

    /// Nothing was bound, and nothing can be seen of it.
    private func expectNothing(of user: User) throws {
        #expect(try user.run("routes", "--json").json()["routes"]?.array?.isEmpty == true)
        #expect(try LazyPackages.viewFiles(of: user).allSatisfy { $0.hasSuffix(".files") })
        #expect(!FileManager.default.fileExists(atPath: "\(bench.work.path)/rx.lock"))
        #expect(try user.run("verify").status == 0)
    }

    @Test func `is told that it is down, and gets the module a moment after it is up again`() throws {
        proxy.refuse(.all)
        let before = proxy.connections
        let (proxy, tried, up) = (proxy, "\(bench.work.path)/tried", "\(bench.work.path)/up")
        let helper = RxPosix.Thread {
            _ = waitUntil { FileManager.default.fileExists(atPath: tried) }
            proxy.refuse(.none)
            _ = FileManager.default.createFile(atPath: up, contents: nil)
        }
        let ended = try bench.python(
            ["--allow", "plain"],
            """
            import os, time
            def get():
                try:
                    import plain
                    return plain.VALUE
                except ModuleNotFoundError as error:
                    return str(error)
            print(get())
            print(all(get().startswith('No module') for _ in range(100)))
            open('tried', 'w').close()
            while not os.path.exists('up'): time.sleep(0.01)
            end = time.monotonic() + 60
            while (found := get()) != 'true' and time.monotonic() < end: time.sleep(0.1)
            print(found)
            """)
        helper.join()
        let lines = ended.text.split(separator: "\n")
        #expect(lines.count == 3 && lines[1...] == ["True", "true"], "\(ended.text)\(ended.error)")
        #expect(lines.first?.hasPrefix("No module named 'plain' (rx: ") == true && ended.text.contains(":\(proxy.port)"), "\(ended.text)")
        #expect(proxy.connections - before < 30, "101 imports are no storm of connections: \(proxy.connections - before)")
    }

    @Test func `waits while it is slow, and asks for everything once`() throws {
        let count = try bench.place.asked().count
        proxy.slow(to: 4000)
        let ended = try bench.python(
            ["--allow", "plain", "--allow", "acme_tools"],
            """
            import os, threading
            found = []
            def use():
                import plain, acme_tools
                found.append((plain.VALUE, acme_tools.X, open(os.path.dirname(plain.__file__) + '/data.txt').read()))
            threads = [threading.Thread(target=use) for _ in range(16)]
            for each in threads: each.start()
            for each in threads: each.join()
            print(len(found), set(found))
            """)
        #expect(ended.text == "16 {('true', 1, 'honest\\n')}\n", "\(ended.error)")
        let asked = try bench.place.asked(since: count)
        #expect(Set(asked).count == asked.count, "each thing once: \(asked)")
        #expect(asked.count { $0.contains("/blobs/") } == 3 && asked.count <= 8, "\(asked)")
    }

    @Test func `refuses changed bytes of a file, by name, and keeps nothing of them`() throws {
        proxy.lie("VALUE = 'true'", "VALUE = 'lies'")
        let ended = try bench.python(["--allow", "plain"], "import plain\nprint(plain.VALUE)\n")
        #expect(ended.status == 1 && ended.text == "" && proxy.lies > 0)
        #expect(ended.error.contains("plain.py of ") && ended.error.contains("sha256:"), "\(ended.error)")
        #expect(!ended.error.contains("No module named"), "it is no module that is missing: \(ended.error)")
        #expect(try kept("VALUE = 'lies'", of: bench.user) == "")
        #expect(try !LazyPackages.viewFiles(of: bench.user).contains { $0.hasSuffix("/plain.py") })
        #expect(try bench.user.run("verify").status == 0)
        let data = try bench.run(["--allow", "plain"], "curl -sSL $RX_LOADER/r/plain/plain.py")
        #expect(data.text.contains("DIGEST_INVALID") && !data.text.contains("lies'"), "\(data.text)")
        proxy.lie(nil)
        #expect(try bench.python(["--allow", "plain"], "import plain\nprint(plain.VALUE)\n").text == "true\n")
    }

    @Test func `refuses a changed manifest, and binds nothing`() throws {
        let digest = try #require(
            try bench.user.run("info", "\(bench.place.host)/plain:1", "--json").json()["files"]?.array?.first?["digest"]?.string)
        let wrong = "sha256:" + String(repeating: "0", count: 64)
        proxy.lie(digest, wrong)
        let ended = try bench.python(["--allow", "plain", "--record"], "import plain\n")
        #expect(ended.status == 1 && proxy.lies > 0, "\(proxy.lies)")
        #expect(
            ended.error.contains("ModuleNotFoundError: No module named 'plain' (rx: \(bench.address) answered a request for plain")
                && ended.error.contains("sha256:"), "\(ended.error)")
        try expectNothing(of: bench.user)
        #expect(try kept(wrong, of: bench.user) == "")
        proxy.lie(nil)
        #expect(try bench.python(["--allow", "plain"], "import plain\nprint(plain.VALUE)\n").text == "true\n")
    }

    @Test func `works or says why while connections come and go, and has it all in the end`() throws {
        proxy.refuse(.everyOther)
        let before = proxy.connections
        let text = "import plain, os\nprint(plain.VALUE, open(os.path.dirname(plain.__file__) + '/data.txt').read(), end='')\n"
        var (works, fails) = (0, 0)
        for _ in 0..<6 {
            let user = try User()
            var ended = try bench.python(["--allow", "plain"], text, user)
            if ended.status != 0 {
                fails += 1
                #expect(ended.error.contains("(rx: ") || ended.error.contains("rx: File "), "\(ended.error)")
                #expect(ended.error.contains(":\(proxy.port)"), "\(ended.error)")
                #expect(try user.run("verify").status == 0)
                for _ in 0..<3 where ended.status != 0 { ended = try bench.python(["--allow", "plain"], text, user) }
            } else {
                works += 1
            }
            #expect(ended.text == "true honest\n", "\(ended.error)")
        }
        #expect(
            works + fails == 6 && proxy.connections - before > 6, "every second one was refused: \(fails), \(proxy.connections - before)")
    }

    @Test(.enabled(if: SmallDisk.available, "needs root: makes small file systems"), arguments: [12, 30])
    func `is told of a full disk, with nothing half there, and goes on when there is room`(_ megabytes: Int) throws {
        try bench.put("heavy", "1", "", ["heavy.py": "V = 1\n", "big.txt": String(repeating: "0123456789abcde\n", count: 1_250_000)])
        let disk = try SmallDisk(megabytes: megabytes)
        let home = ["RX_HOME": disk.folder.path]
        let text = """
            import errno, heavy, os
            try:
                print(len(open(os.path.dirname(heavy.__file__) + '/big.txt').read()))
            except OSError as error:
                print(error.errno == errno.EIO, str(error))
            """
        let failed = try bench.python(["--allow", "heavy"], text, environment: home)
        #expect(failed.text.hasPrefix("True ") && failed.text.contains("No space left on device"), "\(failed.text)\(failed.error)")
        func shown() throws -> [String] {
            try RxTesting.run("/usr/bin/find", ["\(disk.folder.path)/cache/views", "-type", "f", "-size", "+1k"]).text.split(
                separator: "\n"
            ).map(String.init)
        }
        #expect(try shown() == [], "nothing half there")
        try disk.grow(megabytes: 100)
        #expect(try RxTesting.run(rxBinary, ["verify"], environment: home).status == 0)
        let again = try bench.python(["--allow", "heavy"], text, environment: home)
        #expect(again.text == "20000000\n", "\(again.text)\(again.error)")
        #expect(try shown().count == 1)
    }
}
