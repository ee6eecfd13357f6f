import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `Python beneath rx run` {
    let packages: LazyPackages
    var user: User { packages.user }

    init() throws {
        packages = try LazyPackages("python")
    }

    private func run(_ options: [String], _ command: [String]) throws -> Ended { try packages.run(options, command) }

    private func check(_ ended: Ended, refusal: String) throws {
        #expect(ended.status == 0, "\(ended.error)")
        let got = try ended.json()
        #expect(got["totals"] == .array((0..<30).map { .integer(1000 + $0) }))
        #expect(got["fork"] == .array([1, 4, 9]))
        #expect(got["spawn"] == .array([1, 4, 9]))
        #expect(got["absent before"] == true, "only what is asked for is there")
        #expect(got["data"] == "data of 0\n")
        #expect(got["exists"] == .array([true, false, true]), "a file that is not fetched yet, one that nobody has, a folder")
        #expect(got["listed"] == .array(["one.txt", "two.txt"]))
        #expect(got["resource"] == .array(["table of 2\n", "another of 2\n"]))
        #expect(got["submodules"] == .array(["inner", "later", "part", "unused"]))
        #expect(got["found"] == .array([true, false, false]), "importlib.util.find_spec answers None, as ever")
        #expect(got["missing part"] == "No module named 'lazy05.nothing'")
        #expect(got["read-only"] == true)
        #expect(got["path"] == true, "the search path begins as it would without rx")
        #expect(got["missing"]?.array?.first == "nobody_has_this")
        let message = try #require(got["missing"]?.array?.last?.string)
        #expect(
            message.hasPrefix("No module named 'nobody_has_this' (rx: The module python:nobody_has_this is not allowed: \(refusal)"),
            "\(message)")
        #expect(message.contains("rx run --allow 'python:nobody_has_this' --record"), "\(message)")
    }

    @Test func `a program gets 30 packages, only what it uses of them, and the same again from the lock without a registry`() throws {
        let program = "\(LazyPackages.programs)/program.py"
        try check(try run(["--allow", "lazy*", "--record"], ["python3", program]), refusal: "no --allow matches it")
        let files = try LazyPackages.viewFiles(of: user)
        #expect(files.contains { $0.hasSuffix("/lazy29/part.py") })
        #expect(!files.contains { $0.hasSuffix("/unused.py") || $0.hasSuffix("/README.md") }, "\(files)")
        #expect(packages.registry.end() == 0)
        try check(try run(["--offline"], ["python3", program]), refusal: "rx.lock does not have it")
    }

    @Test func `a module's own program runs, and what it runs has the modules, too`() throws {
        let list = try run(["--allow", "lazy*"], ["python3", "-m", "lazy00.later"])
        #expect(list.status == 0, "\(list.error)")
        let inner = try run(["--allow", "lazy*"], ["sh", "-c", "cd / && exec python3 -c 'import lazy01; print(lazy01.total())'"])
        #expect(inner.text == "1001\n", "\(inner.error)")
        let isolated = try run(["--allow", "lazy*"], ["python3", "-I", "-c", "import lazy01"])
        #expect(isolated.status == 1, "an isolated interpreter takes nothing from its environment")
        #expect(isolated.error.contains("ModuleNotFoundError: No module named 'lazy01'\n"), "\(isolated.error)")
    }

    @Test func `what was used without asking is in the trace`() throws {
        let first = try run(["--allow", "lazy*", "--record"], ["python3", "-c", "import lazy00"])
        #expect(first.status == 0, "\(first.error)")
        let asked = try String(contentsOf: packages.work.url.appendingPathComponent("rx.trace"), encoding: .utf8)
        #expect(asked.contains(#""lazy00/inner/deep.py""#), "\(asked)")
        #expect(!asked.contains("later.py"))
        try FileManager.default.removeItem(at: packages.work.url.appendingPathComponent("rx.trace"))
        #expect(packages.registry.end() == 0)
        #expect(try run(["--record"], ["python3", "-c", "import lazy00"]).status == 0)
        #expect(try String(contentsOf: packages.work.url.appendingPathComponent("rx.trace"), encoding: .utf8) == asked)
    }

    @Test func `another sitecustomize still runs`() throws {
        try packages.work.write("site/sitecustomize.py", "print('site of the user')\n")
        let ended = try RxTesting.run(
            rxBinary, ["run", "--allow", "lazy*", "--", "python3", "-c", "import lazy01, sitecustomize; print(sitecustomize.__file__)"],
            in: packages.work.path,
            environment: ["RX_HOME": user.home.path, "RX_REGISTRY": packages.registry.url, "PYTHONPATH": "\(packages.work.path)/site"])
        #expect(ended.text == "site of the user\n\(packages.work.path)/site/sitecustomize.py\n", "\(ended.error)")
    }

    @Test func `when the registry is gone the program hears of it, for modules and for parts of them`() throws {
        let first = try run(["--allow", "lazy*", "--record"], ["python3", "-c", "import lazy00"])
        #expect(first.status == 0, "\(first.error)")
        #expect(packages.registry.end() == 0)
        let part = try run([], ["python3", "-c", "import lazy00.later"])
        #expect(part.status == 1)
        #expect(
            part.error.contains("ImportError: cannot load 'lazy00.later': rx: "),
            "not the absence of a module, which might be caught: \(part.error)")
        let data = try run([], ["python3", "-c", "import lazy00, os; open(os.path.join(os.path.dirname(lazy00.__file__), 'data.txt'))"])
        #expect(data.error.contains("OSError: [Errno 5] rx: "), "\(data.error)")
        let module = try run(["--allow", "lazy01"], ["python3", "-c", "import lazy01"])
        #expect(module.error.contains("ModuleNotFoundError: No module named 'lazy01' (rx: "), "\(module.error)")
        #expect(module.error.contains(packages.registry.host), "\(module.error)")
    }

    @Test func `when rx run is killed the program goes on, and what is missing then is missing as ever`() throws {
        try packages.work.write(
            "orphan.py",
            """
            import os, signal, sys, time
            import lazy00
            parent = os.getppid()
            os.kill(parent, signal.SIGKILL)
            while os.getppid() == parent: time.sleep(0.01)
            try:
                import lazy01
            except ModuleNotFoundError as error:
                text = str(error)
            with open("told.part", "w") as file: file.write(text + "\\n" + str(lazy00.total()))
            os.rename("told.part", "told")
            """)
        let ended = try run(["--allow", "lazy*"], ["python3", "orphan.py"])
        #expect(ended.status == 137)
        let told = packages.work.url.appendingPathComponent("told")
        for _ in 0..<1000 where !FileManager.default.fileExists(atPath: told.path) { usleep(10_000) }
        let text = try String(contentsOf: told, encoding: .utf8)
        #expect(text.hasPrefix("No module named 'lazy01' (rx: the loader at http://127.0.0.1:"), "\(text)")
        #expect(text.contains("does not answer, the rx run that started this program may have ended"), "\(text)")
        #expect(text.hasSuffix("\n1000"))
    }
}
