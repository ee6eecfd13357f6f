import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `What a command writes` {
    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
        try work.write("hello/resource.json", #"{"name":"hello","type":"text"}"#)
        try work.write("hello/content", "hello world")
    }

    func shell(_ script: String, _ environment: [String: String] = [:]) throws -> Ended {
        try run(
            "/bin/bash", ["-c", script], in: work.path,
            environment: ["RX": rxBinary, "RX_HOME": alice.home.path].merging(environment) { $1 })
    }

    @Test func `is a failure when it cannot be written`() throws {
        try alice.rx("add", "./hello", in: work.path)
        try work.write("data/resource.json", #"{"name":"data","type":"json"}"#)
        try work.write("data/content", "[1]")
        try work.write("bytes/resource.json", #"{"name":"bytes","type":"binary"}"#)
        try work.write("bytes/content", "bytes")
        for command in [
            "list", "list --json", "ingest hello", "ingest ./data", "ingest ./bytes", "--version", "--help", "help add", "info hello",
            "add ./hello", "config list", "search --local hello",
        ] {
            for (target, words) in [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")] {
                let ended = try shell("\"$RX\" \(command) \(target)")
                #expect(ended.status == 1, "rx \(command) \(target)")
                #expect(ended.error.contains("write standard output: \(words)"), "rx \(command) \(target): \(ended.error)")
            }
            // A pipe whose reader has gone: it was opened for both, so that nobody waits, and the end to read is closed.
            let unread = try shell("rm -f pipe; mkfifo pipe; exec 3<>pipe 4>pipe 3<&-; \"$RX\" \(command) >&4 4>&-; echo $? >&2")
            #expect(unread.error == "141\n", "rx \(command) into a pipe that nobody reads: \(unread.error)")
        }
        #expect(try shell("\"$RX\" list <&- 2>&-").status == 0)
        #expect(try run("/usr/bin/sqlite3", ["\(alice.home.path)/catalog.sqlite", "PRAGMA integrity_check"]).text == "ok\n")
    }

    @Test func `moves no cursor and forges no line, whatever a resource says of itself`() throws {
        let evil = "\u{1B}[2Jred\u{9B}31m\u{7F}\r\nFound 9 resource(s):"
        let members = JSON.members(["name": "evil", "type": "text", "description": .string(evil), "author": .string(evil)])
        try work.write("evil/resource.json", members.text)
        try work.write("evil/content", "first\u{1B}]0;title\u{7}\nsecond\n")
        try work.write("evil/\u{1B}[31mfile", "x")
        try alice.rx("add", "./evil", in: work.path)
        let registry = try RegistryProcess(data: alice.home)
        let bob = try User(["RX_REGISTRY": registry.url])
        let shown = [
            try alice.rx("list"), try alice.rx("info", "evil"), try bob.rx("search", "evil"), try bob.rx("info", "evil"),
            try alice.run("registry", "add", "x", evil).error, try alice.run("add", "./\(evil)").error,
            try alice.run("add", "./no\u{1B}[2J").error, try alice.run("\u{1B}[2J").error,
        ]
        for text in shown {
            #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control }, "\(text)")
            #expect(text.contains(#"\u001b"#), "\(text)")
        }
        #expect(shown[0].split(separator: "\n").count == 2)
        #expect(shown[1].contains("Preview:\n  first\\u001b]0;title\\u0007\n  second\n"))
        #expect(try alice.rx("ingest", "evil") == "first\u{1B}]0;title\u{7}\nsecond\n", "what it holds comes as it is")
        #expect(try alice.run("info", "evil", "--json").json()["description"]?.string == evil)
    }

    @Test func `comes of words and paths that are UTF-8`() throws {
        let word = try shell("\"$RX\" add ./x $'bad\\xff'")
        #expect(word.status == 2 && word.error.hasPrefix("error: argument 3 is not UTF-8 text\n"), "\(word.error)")
        let home = try shell("RX_HOME=\"$PWD\"/$'bad\\xff' \"$RX\" list")
        #expect(home.status == 2 && home.error.hasPrefix("error: RX_HOME is not UTF-8 text\n"), "\(home.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == ["hello"])
        let unset = try shell("HOME= RX_HOME= \"$RX\" config list --json").json()["home"]?.string
        #expect(unset == "\(try shell("getent passwd \"$(id -u)\" | cut -d: -f6").text.trimmingCharacters(in: .newlines))/.rx")
    }
}
