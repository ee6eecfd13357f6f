import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `Tags, copies and logins at the command line` {
    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
        try work.write("hello/resource.json", #"{"name":"hello","type":"text","tag":"1.0.0"}"#)
        try work.write("hello/content", "hello world")
        try alice.rx("add", "./hello", in: work.path)
    }

    @Test func `give a resource one more tag`() throws {
        #expect(try alice.rx("tag", "hello:1.0.0", "stable").hasPrefix("Tagged: hello:stable\n"))
        #expect(try alice.rx("ingest", "hello:stable") == "hello world")
        let json = try alice.run("tag", "hello:stable", "hello:2.0", "--json").json()
        #expect(json["locator"] == "hello:2.0" && json["tag"] == "2.0")
        #expect(try alice.run("info", "hello:1.0.0", "--json").json()["manifestDigest"] == json["manifestDigest"])
        try alice.rx("remove", "hello:1.0.0")
        try alice.rx("gc")
        #expect(try alice.rx("ingest", "hello:2.0") == "hello world", "each tag keeps the content")
        let ended = try alice.run("tag", "hello:2.0", "other:1")
        #expect(ended.status == 1)
        #expect(ended.error.contains("hint: to copy it there: rx copy hello:2.0 other:1"))
        #expect(try alice.run("tag", "none", "1").error.hasPrefix("error: Resource not found: none\n"))
    }

    @Test func `copy under another name`() throws {
        #expect(try alice.rx("copy", "hello:1.0.0", "team/greeting:1").hasPrefix("Copied: hello:1.0.0 to team/greeting:1\n"))
        #expect(try alice.rx("cp", "hello:1.0.0", "hello:3", "--json").contains("\"manifests\": 1"))
        let tree = try alice.run("info", "hello:1.0.0", "--json").json()["digest"]
        #expect(try alice.run("info", "team/greeting:1", "--json").json()["digest"] == tree)
        #expect(try alice.rx("referrers", "hello:3") == "No referrers found\n")
        let none = try alice.run("copy", "hello:1.0.0", "hello@\(tree?.string ?? "")")
        #expect(none.status == 1 && none.error.contains("a copy keeps the digest that it has"))
    }

    @Test func `take a password from nowhere but a terminal or standard input`() throws {
        let words = try alice.run("login", "localhost:1", "-u", "me", "secret")
        #expect(words.status == 2, "never an argument: \(words.error)")
        let empty = try alice.run("login", "localhost:1", "-u", "me", "--password-stdin")
        #expect(empty.status == 2 && empty.error.contains("the password on standard input is empty"), "\(empty.error)")
        let unnamed = try alice.run("login", "localhost:1", "--password-stdin")
        #expect(unnamed.status == 2 && unnamed.error.contains("rx login HOST -u USER --password-stdin"), "\(unnamed.error)")
        let ended = try run(
            rxBinary, ["login", "localhost:1", "-u", "me", "--password-stdin"], environment: ["RX_HOME": alice.home.path],
            input: Data("secret\n".utf8))
        #expect(ended.status == 1 && ended.error.hasPrefix("error: Unable to connect to http://localhost:1\n"), "\(ended.error)")
        #expect(!FileManager.default.fileExists(atPath: "\(alice.home.path)/credentials.json"), "what was not accepted is not kept")
        #expect(try alice.run("logout", "localhost:1").error.hasPrefix("error: Not logged in: localhost:1\n"))
    }

    @Test(arguments: ["TERM", "INT", "HUP", "QUIT"]) func `a terminal shows what is typed again, whatever ends the question for a password`(
        _ signal: String
    ) throws {
        let program = """
            import os, pty, select, signal, sys, termios, time
            process, terminal = pty.fork()
            if process == 0: os.execv(sys.argv[1], [sys.argv[1], "login", "localhost:1", "-u", "me"])
            shows = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
            end = time.time() + 120
            while shows() and time.time() < end: time.sleep(0.01)
            assert not shows(), "it asks without showing"
            os.kill(process, getattr(signal, "SIG" + sys.argv[2]))
            # Whoever closes the terminal last must have seen its state.
            while not shows() and os.waitpid(process, os.WNOHANG)[0] == 0 and time.time() < end: time.sleep(0.01)
            print("shown" if shows() else "hidden")
            """
        let ended = try run("python3", ["-c", program, rxBinary, signal], environment: ["RX_HOME": alice.home.path])
        #expect(ended.text == "shown\n", "\(ended.error)")
    }
}
