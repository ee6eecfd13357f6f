import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

/// A registry with some modules, and a user who runs programs with them.
struct RunBench {
    let work: TemporaryFolder
    let place: ProxiedRegistry
    var registry: RegistryProcess { place.registry }
    /// What programs find the registry by.
    let address: String
    let user: User

    /// With `byProxy` programs talk to the registry's proxy, else to itself.
    init(byProxy: Bool = false) throws {
        work = try TemporaryFolder()
        place = try ProxiedRegistry()
        address = byProxy ? place.proxy.url : place.registry.url
        user = try User(["RX_REGISTRY": address])
        try put(
            "acme/tools", "1.0.0", #""provides":{"python":["acme_tools"]}"#,
            ["acme_tools.py": "X = 1\n", "data/a.txt": "a", "data/b.txt": "b"])
    }

    /// Publishes a module.
    func put(
        _ repository: String, _ tag: String, _ more: String, _ files: [String: String], links: [String: String] = [:],
        executable: [String] = []
    ) throws {
        let publisher = try User(["RX_REGISTRY": registry.url])
        let parts = repository.split(separator: "/")
        let path = parts.count > 1 ? #","path":"\#(parts.dropLast().joined(separator: "/"))""# : ""
        let folder = "put/\(UUID().uuidString)"
        try work.write(
            "\(folder)/resource.json",
            #"{"name":"\#(parts.last!)"\#(path),"type":"module","tag":"\#(tag)"\#(more.isEmpty ? "" : ",\(more)")}"#)
        for (name, text) in files { try work.write("\(folder)/\(name)", text) }
        for name in executable {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(work.path)/\(folder)/\(name)")
        }
        for (name, target) in links {
            try FileManager.default.createSymbolicLink(atPath: "\(work.path)/\(folder)/\(name)", withDestinationPath: target)
        }
        try publisher.rx("add", "./\(folder)", in: work.path)
        try publisher.rx("push", "\(repository):\(tag)")
    }

    /// Runs a shell script as the program.
    func run(_ options: [String], _ script: String, _ user: User? = nil, environment: [String: String] = [:]) throws -> Ended {
        let home = (user ?? self.user).home.path
        return try RxTesting.run(
            rxBinary, ["run"] + options + ["--", "/bin/bash", "-c", RunBench.prelude + script], in: work.path,
            environment: ["RX_HOME": home, "RX_REGISTRY": address].merging(environment) { $1 })
    }

    /// Runs a Python program.
    func python(_ options: [String], _ text: String, _ user: User? = nil, environment: [String: String] = [:]) throws -> Ended {
        let name = "program-\(UUID().uuidString).py"
        try work.write(name, text)
        return try run(options, "exec python3 \(name)", user, environment: environment)
    }

    /// `ask PATH` writes the body of an answer, `status PATH` its status, `digest NAME` the manifest's digest of a Python module.
    static let prelude = """
        ask() { curl -sS --path-as-is "$RX_LOADER/$1"; }
        status() { curl -sS --path-as-is -o /dev/null -w '%{http_code}\\n' "$RX_LOADER/$1"; }
        digest() { ask v1/modules/python/$1 | sed 's/.*"digest":"\\([^"]*\\)".*/\\1/'; }

        """
}

@Suite struct `A program that is run` {
    let bench: RunBench

    init() throws { bench = try RunBench() }

    @Test func `gets what is allowed, file by file, and the registry hears of nothing else`() throws {
        let ended = try bench.run(
            ["--allow", "acme_*"],
            """
            status v1/modules/python/secret_plans; status v1/modules/node/@secret/plans; status r/secret/plans/x
            D=$(digest acme_tools); ask v1/files/$D/data/a.txt; echo; status v1/files/$D/data/none
            """)
        let lines = ended.text.split(separator: "\n")
        #expect(lines.count == 5, "\(ended.text) \(ended.error)")
        #expect(lines.prefix(3) == ["403", "403", "403"])
        #expect(lines.last == "404")
        let path = try #require(try JSON(parsing: Array(lines[3].utf8))["path"]?.string)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "a")
        let view = String(path.dropLast("/data/a.txt".count))
        #expect(try Files.tree(view).map { String($0.dropFirst(view.count)) } == ["/data/a.txt"], "only what was asked for is fetched")
        #expect(!bench.registry.errors.contains("secret"), "\(bench.registry.errors)")
        let asked = bench.registry.errors.split(separator: "\n").filter { $0.contains("\"method\":\"GET\"") || $0.contains("blobs/fetch") }
        #expect(asked.count <= 3, "who provides it, its manifest, its file: \(asked)")
    }

    @Test func `has the input, the output and the exit status of its own`() throws {
        #expect(try bench.run([], "exit 0").status == 0)
        #expect(try bench.run([], "exit 37").status == 37)
        #expect(try bench.run([], "kill -TERM $$").status == 143)
        #expect(try bench.run([], "kill -KILL $$").status == 137)
        let told = try bench.run([], "echo out; echo err >&2; exit 1")
        #expect(told.text == "out\n" && told.error == "err\n" && told.status == 1, "nothing is added")
        for (program, status) in [("/nowhere/program", Int32(127)), ("/", 126)] {
            let ended = try bench.user.run("run", "--", program, in: bench.work.path)
            #expect(ended.status == status)
            #expect(ended.error.hasPrefix("error: cannot run \(program): "))
        }
        let input = try RxTesting.run(
            rxBinary, ["run", "--", "/bin/cat"], in: bench.work.path, environment: ["RX_HOME": bench.user.home.path], input: Data("in".utf8)
        )
        #expect(input.text == "in")
        let first = try RxTesting.run(
            rxBinary, ["run", "--", "/bin/echo", "first"], in: bench.work.path, environment: ["RX_HOME": "\(bench.work.path)/no/home/yet"])
        #expect(first.text == "first\n" && first.status == 0, "the first command of all: \(first.error)")
        #expect(try bench.user.run("run", "--nonsense", "--", "true").status == 2)
        #expect(try bench.user.run("run").status == 2)
        #expect(try bench.user.run("run", "--", "sh", "-c", "echo --json; exit 5", "--json").text == "--json\n")
    }

    @Test func `gets the signals that are sent to rx`() throws {
        for (name, number) in [("TERM", SIGTERM), ("INT", SIGINT), ("HUP", SIGHUP), ("USR1", SIGUSR1), ("QUIT", SIGQUIT)] {
            let mark = "\(bench.work.path)/\(name)"
            let program = try bench.user.start(
                "run", "--", "/bin/bash", "-c", "trap 'echo got > \(mark).got; exit 9' \(name); touch \(mark); while :; do sleep 0.05; done"
            )
            #expect(appears(mark))
            program.signal(number)
            #expect(program.wait() == 9, "\(name)")
            #expect(FileManager.default.fileExists(atPath: "\(mark).got"))
        }
    }

    @Test func `gets a signal once that the whole group got, and stops and goes on with rx`() throws {
        let script = """
            set -m
            "$RX" run -- /bin/bash -c 'trap "echo got >> got" TERM; trap "echo on >> on" CONT; touch there; until [ -e end ]; do sleep 0.05; done' &
            until [ -e there ]; do sleep 0.05; done
            kill -TERM -- -$!; sleep 1; wc -l < got
            kill -TERM $!; sleep 1; wc -l < got
            P=$(pgrep -P $! bash); kill -TSTP $!; sleep 1; grep State: /proc/$P/status /proc/$!/status | cut -f2
            kill -CONT $!; sleep 1; wc -l < on; grep State: /proc/$!/status | cut -f2
            touch end; wait
            """
        let ended = try RxTesting.run(
            "/bin/bash", ["-c", script], in: bench.work.path, environment: ["RX": rxBinary, "RX_HOME": bench.user.home.path])
        #expect(ended.text == "1\n2\nT (stopped)\nT (stopped)\n1\nS (sleeping)\n", "\(ended.error)")
    }

    @Test func `is alone with its host: others need its name, and a page in a browser has none`() throws {
        let ended = try bench.run(
            ["--allow", "acme_*"],
            """
            BASE=${RX_LOADER%/*}; TOKEN=${RX_LOADER##*/}; echo ${#TOKEN}
            at() { curl -sS --path-as-is -o /dev/null -w '%{http_code}\\n' "$@"; }
            at $BASE/v1/modules; at $BASE/${TOKEN%?}/v1/modules; at $BASE/${TOKEN}0/v1/modules; at $BASE//$TOKEN/v1/modules; at $BASE/; at $RX_LOADER
            at -H 'Host: evil.example' $RX_LOADER/v1/modules; at -H 'Host: 127.0.0.1.evil.example' $RX_LOADER/v1/modules
            at -H 'Host: localhost:1' $RX_LOADER/v1/modules; at -X PUT $RX_LOADER/v1/modules; at -X POST $RX_LOADER/v1/modules; at $RX_LOADER/v1/uses
            at -d '{' $RX_LOADER/v1/uses; at -d '{"uses":[{"digest":"x"}]}' $RX_LOADER/v1/uses; at $RX_LOADER/v1/modules/python/a%00b
            at $RX_LOADER/v1/modules/python/%zz; at $RX_LOADER/v1/modules/PYTHON/x; at $RX_LOADER/v1/nothing
            """)
        #expect(
            ended.text.split(separator: "\n") == [
                "32", "404", "404", "404", "404", "404", "404", "404", "404", "200", "405", "405", "405", "400", "204", "400", "400", "400",
                "404",
            ], "\(ended.error)")
    }

    @Test func `reaches no file beside its resources`() throws {
        let ended = try bench.run(
            ["--allow", "acme_*"],
            """
            D=$(digest acme_tools)
            for path in ../../../config.json ..%2f..%2fconfig.json data/../../x /etc/passwd %2e%2e/x data//a.txt data/./a.txt a%00b data%2fa.txt ''; do
              status "v1/files/$D/$path"
            done
            for digest in sha256:zz $D/../$D sha256:\(String(repeating: "0", count: 64)); do status "v1/files/$digest/data/a.txt"; done
            for path in ../data ..%2fdata /etc data//x data%2fdeep none; do status "v1/folders/$D/$path"; done
            status r/acme_tools/../../config.json; status r/acme_tools/%2e%2e/%2e%2e/config.json
            """)
        let lines = ended.text.split(separator: "\n").map { Int($0) ?? 0 }
        #expect(lines.count == 21 && lines.allSatisfy { 400..<500 ~= $0 }, "\(lines) \(ended.error)")
    }

    @Test func `that goes on in the background loses its host`() throws {
        let mark = "\(bench.work.path)/late"
        let ended = try bench.run(
            ["--allow", "acme_*"],
            "(sleep 1.5; curl -s -o /dev/null --max-time 5 $RX_LOADER/v1/modules; echo $? > \(mark)) >/dev/null 2>&1 & exit 4")
        #expect(ended.status == 4)
        #expect(ended.seconds < 60)
        #expect(appears(mark, holding: "7\n"), "the connection is refused")
    }

    @Test func `waits for no registry that does not answer, longer than rx does`() throws {
        let down = ["RX_REGISTRY": "http://127.0.0.1:1"]
        let log = bench.registry.errors
        let ended = try bench.run(
            ["--allow", "*"], "ask v1/modules/python/acme_tools; status v1/modules/python/acme_tools", environment: down)
        #expect(ended.text.contains("REGISTRY_UNREACHABLE") && ended.text.hasSuffix("502\n"), "\(ended.text)")
        let offline = try bench.run(["--allow", "*", "--offline"], "status v1/modules/python/acme_tools")
        #expect(offline.text == "404\n")
        #expect(bench.registry.errors == log)
    }

    @Test func `may open as many files as it could without rx`() throws {
        let ended = try RxTesting.run(
            "/bin/bash", ["-c", #"ulimit -Sn 200; "$RX" run -- /bin/bash -c 'ulimit -Sn'"#],
            environment: ["RX": rxBinary, "RX_HOME": bench.user.home.path])
        #expect(ended.text == "200\n", "\(ended.error)")
    }

    @Test func `leaves a view of right files when rx is killed at any time`() throws {
        let files = Dictionary(
            uniqueKeysWithValues: (0..<40).map { ("d\($0 % 4)/f\($0)", String(repeating: "\($0) ", count: 400 * ($0 + 1))) })
        try bench.put("many", "1", "", files)
        let script =
            RunBench.prelude
            + "D=$(digest many); echo $D > \(bench.work.path)/digest; for i in $(seq 0 39); do ask v1/files/$D/d$((i % 4))/f$i | grep -v '^{\"path\"' & done; wait"
        for round in 0..<8 {
            let program = try bench.user.start("run", "--allow", "many", "--", "/bin/bash", "-c", script)
            usleep(UInt32(100_000 + 60_000 * round))
            program.signal(SIGKILL)
            _ = program.wait()
        }
        let whole = try bench.run(["--allow", "many"], String(script.dropFirst(RunBench.prelude.count)))
        #expect(whole.status == 0 && whole.text.isEmpty && whole.error.isEmpty, "\(whole.text) \(whole.error)")
        let digest = try String(contentsOfFile: "\(bench.work.path)/digest", encoding: .utf8).trimmingCharacters(
            in: .whitespacesAndNewlines)
        let view = "\(bench.user.home.path)/cache/views/\(digest.dropFirst("sha256:".count))"
        let shown = try Files.tree(view)
        #expect(shown.count == files.count)
        for path in shown { #expect(try String(contentsOfFile: path, encoding: .utf8) == files[String(path.dropFirst(view.count + 1))]) }
        #expect(try bench.user.run("verify").status == 0)
    }

    @Test func `finds its hooks where its language looks, once`() throws {
        let ended = try bench.run(
            [], #""$RX" run -- /bin/bash -c 'echo "$PYTHONPATH"; echo "$NODE_OPTIONS"'"#,
            environment: ["RX": rxBinary, "PYTHONPATH": "/mine", "NODE_OPTIONS": "--no-warnings"])
        let lines = ended.text.split(separator: "\n", omittingEmptySubsequences: false)
        let paths = lines[0].split(separator: ":")
        #expect(paths.count == 2 && paths[1] == "/mine", "\(ended.text)")
        #expect(paths[0].hasPrefix("\(bench.user.home.path)/cache/hooks/"))
        let options = lines[1].split(separator: " ")
        #expect(options.count == 3 && options[0] == "--no-warnings" && options[1] == "--require", "\(lines[1])")
    }

    @Test func `has the modules of the inner rx run, whatever home the outer one has`() throws {
        let other = try User(["RX_REGISTRY": bench.address])
        try bench.work.write(
            "inner.py",
            """
            import os, sys
            class Nothing:
                find_spec = staticmethod(lambda name, path=None, target=None: None)
            sys.meta_path.append(Nothing)
            import acme_tools
            assert acme_tools.__file__.startswith(os.environ['RX_HOME']), acme_tools.__file__
            try:
                import nobody_has_this
            except ModuleNotFoundError:
                names = [getattr(each, '__name__', '') for each in sys.meta_path]
                print(acme_tools.X, names.count('MissingModules'), any('cache/hooks' in each for each in sys.path), flush=True)
            """)
        let ended = try bench.run(
            ["--allow", "acme_tools"],
            """
            export OUTER=$PYTHONPATH RX_HOME=\(other.home.path)
            "$RX" run --allow acme_tools -- /bin/bash -c 'python3 inner.py; echo $PYTHONPATH $NODE_OPTIONS; PYTHONPATH=$PYTHONPATH:$OUTER python3 inner.py'
            """, environment: ["RX": rxBinary, "PYTHONPATH": "/mine", "NODE_OPTIONS": "--no-warnings"])
        let lines = ended.text.split(separator: "\n")
        try #require(lines.count == 3, "\(ended.text) \(ended.error)")
        #expect(
            lines[0] == "1 1 False" && lines[2] == "1 1 False", "the second with the outer one's hooks behind: \(ended.text) \(ended.error)"
        )
        let words = lines[1].split(separator: " ")
        #expect(
            words.count == 4 && words[0].hasSuffix("/python:/mine") && words[1] == "--no-warnings" && words[2] == "--require", "\(lines[1])"
        )
        #expect(!lines[1].contains(bench.user.home.path), "\(lines[1])")
    }
}

/// Waits until a file is there, with some text.
private func appears(_ path: String, holding text: String? = nil, seconds: Double = 20) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
        if let found = try? String(contentsOfFile: path, encoding: .utf8), text == nil || found == text { return true }
        usleep(20_000)
    }
    return false
}
